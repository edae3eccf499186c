// The official client over links that are cut: nothing lost, nothing doubled, nothing out of order.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { io, startServer, connect, next, until, ways } = require('./harness.js');

/** Passes connections on to a port, until they are cut. */
async function startLink(port) {
  const pairs = new Set();
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    const pair = { cut() { client.destroy(); upstream.destroy(); pairs.delete(pair); } };
    pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => pair.cut());
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() { for (const pair of [...pairs]) pair.cut(); },
    close() { this.cut(); server.close(); },
  };
}

// Node's XMLHttpRequest repeats a poll whose connection is cut, so that nothing is lost by polling: the Swift tests cut that.
for (const [way, options] of Object.entries(ways).filter(([way]) => way !== 'polling')) {
  describe(`recovery, ${way}`, () => {
    let server;
    before(async () => { server = await startServer('mixed', { args: ['--recovery', '--event-loops', '2'] }); });
    after(async () => { assert.equal(await server.stop(), 0); });

    test('numbered traffic in two namespaces over links that are cut', async () => {
      const total = 300;
      const members = [];
      for (let index = 0; index < 6; index++) {
        const link = await startLink(server.port);
        const manager = new io.Manager(link.url, { ...options, reconnectionDelay: 20, reconnectionDelayMax: 100 });
        const member = { link, manager, sockets: [], losses: 0, notRecovered: 0 };
        for (const nsp of ['/', '/chat']) {
          const socket = manager.socket(nsp);
          const seen = [];
          socket.on('n', (number) => seen.push(number));
          socket.on('disconnect', () => { member.losses += 1; });
          socket.on('connect', () => { if (member.losses > 0 && !socket.recovered) member.notRecovered += 1; });
          member.sockets.push({ socket, seen, nsp });
          await next(socket, 'connect');
          await socket.emitWithAck('join', 'room');
        }
        members.push(member);
      }
      const drivers = [];
      for (const nsp of ['/', '/chat']) drivers.push(await connect(server, nsp));
      // A client that has no offset yet begins anew after a loss.
      for (const driver of drivers) await driver.emitWithAck('bcast', { to: ['room'] }, 'n', [0]);
      await until(() => members.every((member) => member.sockets.every(({ seen }) => seen.length === 1)), 'the first number');

      for (let number = 1; number <= total; number++) {
        for (const driver of drivers) {
          const argument = number % 5 === 0 ? [number, Buffer.from([number & 255])] : [number, 'text'];
          driver.emit('bcast', { to: ['room'] }, 'n', argument);
          driver.emit('bcast', { to: ['room'], volatile: true }, 'v', ['a text that is no offset']);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (number % 20 === 0) members[(number / 20) % members.length].link.cut();
      }
      await until(() => members.every((member) => member.sockets.every(({ seen }) => seen.length > total)),
        'every number at every member', 20000).catch(() => {});
      for (const member of members) {
        for (const { seen, nsp } of member.sockets) {
          assert.deepEqual(seen, Array.from({ length: total + 1 }, (_, index) => index), nsp);
        }
        assert.ok(member.losses > 0);
        assert.equal(member.notRecovered, 0);
      }
      for (const driver of drivers) driver.disconnect();
      for (const { sockets, link } of members) {
        for (const { socket } of sockets) socket.disconnect();
        link.close();
      }
    });

    test('id, rooms and data are those of before; a session of another connection is not', async () => {
      const link = await startLink(server.port);
      const socket = io(link.url, { forceNew: true, ...options, reconnectionDelay: 20 });
      await next(socket, 'connect');
      const id = socket.id;
      assert.equal(socket.recovered, false);
      await socket.emitWithAck('join', ['a', 'b']);
      await socket.emitWithAck('bcast', { to: [id] }, 'n', [1]);
      const reconnected = next(socket, 'connect');
      link.cut();
      await reconnected;
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      assert.deepEqual((await socket.emitWithAck('rooms')).sort(), ['a', 'b', id].sort());
      const who = await socket.emitWithAck('whoami');
      assert.equal(who.recovered, true);
      socket.disconnect();
      socket.connect();
      await next(socket, 'connect');
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
      socket.disconnect();
      link.close();
    });
  });
}
