// A way between a browser and the server that loses media in bursts when it is told to, in both directions.
//
// The page is told the relay's port in place of the server's (see `throughRelay` in web/test/drivers/page.mjs). The server
// answers where packets come from, so nothing else has to know of it.

import { createSocket } from 'node:dgram';

/** Shares of a packet: one burst begins after 40 packets, and lasts two and a half in the mean. */
const BEGINS = 1 / 40;
const ENDS = 0.4;

export class LossyWay {
  /** Opens a relay on loopback. */
  static async open() {
    const way = new LossyWay();
    way.losing = false;
    way.lost = 0;
    way.near = createSocket('udp4');
    way.far = createSocket('udp4');
    await Promise.all([way.near, way.far].map((socket) => new Promise((done) => socket.bind(0, '127.0.0.1', done))));
    way.near.on('message', pass(way, (bytes, from) => {
      way.browser = from;
      if (way.to) way.far.send(bytes, way.to, '127.0.0.1');
    }));
    way.far.on('message', pass(way, (bytes) => {
      if (way.browser) way.near.send(bytes, way.browser.port, way.browser.address);
    }));
    return way;
  }

  /** The port that stands for the server's. */
  get port() {
    return this.near.address().port;
  }

  close() {
    this.near.close();
    this.far.close();
  }
}

/** Lets a direction's datagrams pass, or loses RTP in bursts; reports and handshakes always pass. */
function pass(way, on) {
  let inBurst = false;
  return (bytes, from) => {
    const isRtp = bytes[0] >= 128 && bytes[0] < 192 && !(bytes[1] >= 192 && bytes[1] < 224);
    inBurst = way.losing && isRtp && Math.random() < (inBurst ? 1 - ENDS : BEGINS);
    if (inBurst) way.lost += 1;
    else on(bytes, from);
  };
}
