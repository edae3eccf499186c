// A TCP link with faults: bytes that come late or one by one, nothing in one direction or both, connections that are reset.
'use strict';

const net = require('node:net');
const { once } = require('node:events');

class FaultyLink {
  /** Between whoever connects to `port` and `target` of this machine. */
  static async to(target) {
    const link = new FaultyLink();
    link.target = target;
    link.pairs = new Set();
    // `delay` in milliseconds; `dribble` passes on one byte at a time; `hold` is null, 'up', 'down' or 'both': seen from the
    // side that connects; `resetsOneOf` ends a connection at one of so many reads.
    link.faults = { delay: 0, dribble: false, hold: null, resetsOneOf: 0 };
    link.server = net.createServer({ noDelay: true }, (near) => link.accept(near)).listen(0, '127.0.0.1');
    await once(link.server, 'listening');
    link.port = link.server.address().port;
    return link;
  }

  accept(near) {
    const far = net.connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    const pair = { near, far };
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const side of [near, far]) side.on('error', () => {}).on('close', end);
    this.carry(near, far, pair);
    this.carry(far, near, pair);
    this.follow(pair);
  }

  carry(from, to, pair) {
    // What is late, in order: a shorter delay must not let later bytes overtake earlier ones.
    const late = [];
    const release = () => {
      while (late.length && late[0].due <= performance.now()) {
        const { data } = late.shift();
        if (!to.destroyed) to.write(data);
      }
      if (late.length) setTimeout(release, late[0].due - performance.now());
    };
    from.on('data', (data) => {
      const { delay, dribble, resetsOneOf } = this.faults;
      if (resetsOneOf && Math.random() * resetsOneOf < 1) return this.reset(pair);
      if (dribble) {
        for (const byte of data) to.write(Buffer.from([byte]));
      } else if (delay || late.length) {
        late.push({ due: performance.now() + delay, data });
        if (late.length === 1) setTimeout(release, delay);
      } else {
        to.write(data);
      }
    });
  }

  /** Reads on, or stops reading, so that the sender's buffers fill, as on a link that has gone silent. */
  follow({ near, far }) {
    const { hold } = this.faults;
    if (hold === 'up' || hold === 'both') near.pause(); else near.resume();
    if (hold === 'down' || hold === 'both') far.pause(); else far.resume();
  }

  set(faults) {
    Object.assign(this.faults, faults);
    for (const pair of this.pairs) this.follow(pair);
  }

  reset(pair) {
    pair.near.resetAndDestroy();
    pair.far.resetAndDestroy();
  }

  /** Resets all connections. */
  cut() { for (const pair of [...this.pairs]) this.reset(pair); }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

module.exports = { FaultyLink };
