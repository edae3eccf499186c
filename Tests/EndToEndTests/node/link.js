// Connections of clients that a test cuts, and leads to other servers.
'use strict';

const net = require('node:net');

/** Passes connections on to the port of the moment, until they are cut. */
async function startLink(port) {
  const pairs = new Set();
  const held = [];
  const link = {
    port,
    cut() { for (const pair of [...pairs]) pair.cut(); },
    /** The clients' side alone is cut: the server does not notice. */
    cutHalf() { for (const pair of [...pairs]) pair.cutHalf(); },
  };
  const server = net.createServer((client) => {
    const upstream = net.connect(link.port, '127.0.0.1');
    let isHalf = false;
    const pair = {
      cut() { client.destroy(); upstream.destroy(); pairs.delete(pair); },
      cutHalf() { isHalf = true; held.push(upstream); pairs.delete(pair); client.unpipe(upstream); client.destroy(); },
    };
    pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => { if (!isHalf) pair.cut(); });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  link.url = `http://127.0.0.1:${server.address().port}`;
  link.close = () => { link.cut(); for (const socket of held) socket.destroy(); server.close(); };
  return link;
}

module.exports = { startLink };
