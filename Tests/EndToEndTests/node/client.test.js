// The official JavaScript client, unmodified, against the conformance server's `mixed` app.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { io, startServer, connect, next, until, ways } = require('./harness.js');

const bytes = (buffer) => [...new Uint8Array(buffer.buffer ? buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) : buffer)];

for (const loops of [1, 4]) {
  for (const [way, options] of Object.entries(ways)) {
    describe(`${way}, ${loops} event loop(s)`, () => {
      let server;
      before(async () => { server = await startServer('mixed', { args: ['--event-loops', String(loops)] }); });
      after(async () => { assert.equal(await server.stop(), 0, 'exit code after SIGTERM'); });

      test('text of every kind comes back in an acknowledgement', async () => {
        const socket = await connect(server, '', options);
        const values = ['plain', 'ü € 漢字 🎉', '', 0, -1.5, 1e300, true, null, [1, [2]], { a: { b: 'c' } }, '\u2028"\\\n'];
        assert.deepEqual(await socket.timeout(8000).emitWithAck('echo', values), values);
        socket.disconnect();
      });

      test('binary in events and acknowledgements', async () => {
        const socket = await connect(server, '', options);
        const answer = await new Promise((resolve) => socket.emit('echo', new Uint8Array([1, 2, 255]),
          { deep: [new Uint8Array([9])] }, 'end', (...args) => resolve(args)));
        assert.deepEqual(bytes(answer[0]), [1, 2, 255]);
        assert.deepEqual(bytes(answer[1].deep[0]), [9]);
        assert.equal(answer[2], 'end');
        socket.disconnect();
      });

      test('a large payload of 300 kB both ways', async () => {
        const socket = await connect(server, '', options);
        const text = 'x'.repeat(300_000);
        assert.equal(await socket.timeout(8000).emitWithAck('echo', text), text);
        const binary = new Uint8Array(100_000).fill(7);
        const answer = await socket.timeout(8000).emitWithAck('echo', binary);
        assert.deepEqual(bytes(answer), [...binary]);
        socket.disconnect();
      });

      test('1,000 events keep their order', async () => {
        const socket = await connect(server, '', options);
        const seen = [];
        await Promise.all(Array.from({ length: 1000 }, (_, i) =>
          new Promise((resolve) => socket.emit('echo', i, (x) => { seen.push(x); resolve(); }))));
        assert.deepEqual(seen, Array.from({ length: 1000 }, (_, i) => i));
        socket.disconnect();
      });

      test('two namespaces over one connection', async () => {
        const manager = new io.Manager(server.url, { forceNew: true, reconnection: false, ...options });
        const main = manager.socket('/');
        const chat = manager.socket('/chat', { auth: { token: 't' } });
        await Promise.all([next(main, 'connect'), next(chat, 'connect')]);
        assert.notEqual(main.id, chat.id);
        assert.equal((await main.timeout(8000).emitWithAck('whoami')).nsp, '/');
        assert.equal((await chat.timeout(8000).emitWithAck('whoami')).nsp, '/chat');
        chat.disconnect();
        assert.equal((await main.timeout(8000).emitWithAck('echo', 1)), 1);
        main.disconnect();
      });

      test('an unknown namespace is refused', async () => {
        const socket = io(server.url + '/nowhere', { forceNew: true, reconnection: false, ...options });
        const [error] = await next(socket, 'connect_error');
        assert.equal(error.message, 'Invalid namespace');
        socket.disconnect();
      });

      test('rooms: to, except, leave, sender excluded', async () => {
        const [a, b, c] = await Promise.all([1, 2, 3].map(() => connect(server, '', options)));
        const room = `room-${way}-${loops}`;
        for (const socket of [a, b, c]) assert.equal(await socket.timeout(8000).emitWithAck('join', room), 'ok');
        const got = { a: [], b: [], c: [] };
        a.on('x', (v) => got.a.push(v)); b.on('x', (v) => got.b.push(v)); c.on('x', (v) => got.c.push(v));
        await a.timeout(8000).emitWithAck('bcast', { to: [room] }, 'x', ['all']);
        await a.timeout(8000).emitWithAck('sbcast', { to: [room] }, 'x', ['others']);
        await a.timeout(8000).emitWithAck('bcast', { to: [room], except: [b.id] }, 'x', ['not b']);
        await c.timeout(8000).emitWithAck('leave', room);
        await a.timeout(8000).emitWithAck('bcast', { to: [room] }, 'x', ['without c']);
        await until(() => got.a.length === 3 && got.b.length === 3 && got.c.length === 3, 'deliveries');
        assert.deepEqual(got.a, ['all', 'not b', 'without c']);
        assert.deepEqual(got.b, ['all', 'others', 'without c']);
        assert.deepEqual(got.c, ['all', 'others', 'not b']);
        for (const socket of [a, b, c]) socket.disconnect();
      });

      test('a broadcast collects acknowledgements', async () => {
        const [a, b] = await Promise.all([connect(server, '/chat', options), connect(server, '/chat', options)]);
        const room = `ack-${way}-${loops}`;
        for (const socket of [a, b]) await socket.timeout(8000).emitWithAck('join', room);
        a.on('q', (n, ack) => ack(n + 1)); b.on('q', (n, ack) => ack(n + 2));
        const { err, res } = await a.timeout(8000).emitWithAck('bcast-ack', { to: [room] }, 'q', [10]);
        assert.equal(err, null);
        assert.deepEqual(res.sort(), [11, 12]);
        b.off('q');
        const late = await a.timeout(8000).emitWithAck('bcast-ack', { to: [room], timeout: 200 }, 'q', [20]);
        assert.equal(late.err, 'operation has timed out');
        assert.deepEqual(late.res, [21]);
        a.disconnect(); b.disconnect();
      });

      test('the server asks and is answered', async () => {
        const socket = await connect(server, '', options);
        socket.on('ask', (x, ack) => ack(x * 2));
        const { err, res } = await socket.timeout(8000).emitWithAck('emit-with-ack-to-me', [21]);
        assert.equal(err, null);
        assert.deepEqual([].concat(res), [42]);
        socket.disconnect();
      });

      test('the server disconnects one namespace, or the whole connection', async () => {
        const manager = new io.Manager(server.url, { forceNew: true, reconnection: false, ...options });
        const main = manager.socket('/');
        const chat = manager.socket('/chat');
        await Promise.all([next(main, 'connect'), next(chat, 'connect')]);
        chat.emit('kick-me', false);
        assert.equal((await next(chat, 'disconnect'))[0], 'io server disconnect');
        assert.equal(await main.timeout(8000).emitWithAck('echo', 'alive'), 'alive');
        main.emit('kick-me', true);
        assert.equal((await next(main, 'disconnect'))[0], 'io server disconnect');
        await until(() => manager.engine.readyState === 'closed', 'connection closed');
      });

      if (way === 'upgrade') {
        test('the upgrade to WebSocket is reached while messages flow', async () => {
          const socket = io(server.url, { forceNew: true, reconnection: false, ...options });
          const seen = [];
          let sent = 0;
          await next(socket, 'connect');
          // Asked for, not listened to: it may have happened before the namespace was joined.
          const upgraded = () => socket.io.engine.transport.name === 'websocket';
          const end = Date.now() + 15000;
          while (!upgraded() || sent < 200) {
            assert.ok(Date.now() < end, 'the upgrade is reached');
            // A bounded number under way: more would only measure how long this client's own queue gets.
            if (sent - seen.length < 100) {
              const n = sent++;
              socket.emit('echo', n, (x) => seen.push(x));
            }
            await new Promise((resolve) => setImmediate(resolve));
          }
          await until(() => seen.length === sent, 'every acknowledgement');
          assert.deepEqual(seen, Array.from({ length: sent }, (_, i) => i));
          assert.equal(socket.io.engine.transport.name, 'websocket');
          socket.disconnect();
        });
      }
    });
  }
}

test('the client reconnects by itself when the server comes back, and buffered events arrive', async () => {
  let server = await startServer('mixed');
  const socket = io(server.url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
  await next(socket, 'connect');
  const first = socket.id;
  const gone = next(socket, 'disconnect');
  assert.equal(await server.stop(), 0);
  const [reason] = await gone;
  assert.ok(['transport close', 'transport error'].includes(reason), reason);
  const answered = new Promise((resolve) => socket.emit('echo', 'buffered', resolve));
  server = await startServer('mixed', { port: server.port });
  await until(() => socket.connected, 'reconnected', 15000);
  assert.notEqual(socket.id, first);
  assert.equal(await answered, 'buffered');
  socket.disconnect();
  assert.equal(await server.stop(), 0);
});
