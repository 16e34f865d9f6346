// Run inside a network namespace: a server and a Firefox with default preferences; says "connected" when media flows.

import { Server } from './server.mjs';
import * as firefox from '../../../web/test/drivers/firefox.mjs';

const server = await Server.start({ addresses: ['127.0.0.1', '10.77.0.1'] });
const page = await firefox.open(server.room.guest_link, { prefs: {
  'media.peerconnection.ice.loopback': false,
  'media.peerconnection.ice.obfuscate_host_addresses': true,
} });
try {
  await page.join('Neu');
  await page.connected();
  process.stdout.write('connected\n');
} finally {
  await page.close();
  await server.stop();
}
