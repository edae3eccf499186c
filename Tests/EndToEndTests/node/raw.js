// A WebSocket client of few bytes, of which one process can have thousands. It connects, joins `/`, answers pings, and asks
// for echoes.
'use strict';

const net = require('node:net');

/** A text as one frame, masked with zeros; shorter than 126 bytes. */
function frame(text) {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

const hello = frame('40');
const pong = frame('3');

class RawClient {
  /** `ended(client)` is called once, when the connection is over or could not be made. */
  constructor(port, ended = () => {}) {
    this.isUp = false;
    this.waiting = null;
    this.rest = Buffer.alloc(0);
    this.up = new Promise((resolve) => { this.cameUp = resolve; });
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('connect', () => this.socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\n`
      + 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'));
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isUp = false;
      this.cameUp(false);
      this.waiting?.(false);
      ended(this);
    });
  }

  read(data) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, data]) : data;
    if (!this.isUpgraded) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.status = Number(this.rest.toString('latin1', 9, 12));
      if (this.status !== 101) {
        this.socket.destroy();
        return;
      }
      this.isUpgraded = true;
      this.rest = this.rest.subarray(end + 4);
    }
    for (;;) {
      if (this.rest.length < 2) return;
      let length = this.rest[1];
      let head = 2;
      if (length === 126) {
        if (this.rest.length < 4) return;
        [length, head] = [this.rest.readUInt16BE(2), 4];
      }
      if (this.rest.length < head + length) return;
      const isText = (this.rest[0] & 15) === 1;
      const text = this.rest.toString('utf8', head, head + length);
      this.rest = this.rest.subarray(head + length);
      if (isText) this.packet(text);
    }
  }

  packet(text) {
    if (text === '2') this.socket.write(pong);
    else if (text.startsWith('0')) this.socket.write(hello);
    else if (text.startsWith('40')) {
      this.isUp = true;
      this.cameUp(true);
    } else if (text.startsWith('43')) this.waiting?.(true);
  }

  /** Milliseconds until an echo is there; null when the connection ends before. */
  async echo() {
    const start = performance.now();
    this.socket.write(frame('421["echo"]'));
    const isThere = await new Promise((resolve) => { this.waiting = resolve; });
    this.waiting = null;
    return isThere ? performance.now() - start : null;
  }

  close() { this.socket.destroy(); }
}

module.exports = { RawClient };
