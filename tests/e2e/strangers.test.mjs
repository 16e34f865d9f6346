// Those who look for telephone systems to abuse: SIPVicious from an address on no trunk learns nothing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, onePeer } from './lib/server.mjs';

/** The only address on a trunk; the others of this machine are strangers. */
const LISTED = '127.0.0.77';
const skip = spawnSync('svmap', ['--version'], { stdio: 'ignore' }).error ? 'sipvicious is not installed' : false;

/** Runs one of its tools; returns everything it said. */
function scan(tool, words) {
  // It notes its sessions in the home folder.
  const home = mkdtempSync(join(tmpdir(), 'sipvicious-'));
  const { stdout, stderr, error } = spawnSync(tool, [...words, '127.0.0.1'], {
    encoding: 'utf8', timeout: 60_000, env: { ...process.env, HOME: home },
  });
  rmSync(home, { recursive: true, force: true });
  assert.ifError(error);
  return stdout + stderr;
}

describe('SIPVicious', { skip }, () => {
  test('finds the server from a listed address, and neither it, its numbers nor accounts from another', async () => {
    const server = await Server.start({ trunks: onePeer(LISTED) });
    try {
      const port = server.sip.split(':').at(-1);
      const { number } = server.room;
      const numbers = `${number},100-200`;
      assert.match(scan('svmap', ['-b', LISTED, '-p', port]), /Rundruf/);

      const log = server.output.length;
      const before = (await server.metrics()).get('rundruf_sip_total{kind="strangers"}');
      const scans = [
        ['svmap', ['-p', port, '-d']],
        ['svmap', ['-p', port, '-d', '-m', 'INVITE', '-e', number]],
        ['svwar', ['-p', port, '--debug', '--force', '-e', numbers]],
        ['svwar', ['-p', port, '--debug', '--force', '-m', 'INVITE', '-e', numbers]],
        ['svwar', ['-p', port, '--debug', '--force', '-m', 'OPTIONS', '-e', numbers]],
        ['svcrack', ['-p', port, '-u', number, '-r', '1-100']],
      ];
      for (const [tool, words] of scans) {
        const said = scan(tool, words);
        assert.doesNotMatch(said, /Rundruf|SIP\/2\.0 \d|reqauth|noauth|The password/i, `${tool} ${words.join(' ')}: ${said}`);
        assert.match(said, /nothing|no response|not responding|time/i, `${tool} ${words.join(' ')}: ${said}`);
      }
      const strangers = (await server.metrics()).get('rundruf_sip_total{kind="strangers"}') - before;
      // Where nobody answers they give up soon.
      assert.ok(strangers >= scans.length, `${strangers} messages of strangers`);
      assert.equal(server.output.length, log, `the log says nothing of them: ${server.output.slice(log)}`);
    } finally {
      await server.stop();
    }
  });
});
