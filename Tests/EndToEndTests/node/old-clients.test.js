// The official JavaScript clients of Socket.IO 2 (Engine.IO 3) and 3, unmodified, alone and in one room with today's client.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { io, startServer, connect, next, until, ways } = require('./harness.js');
const { startRedis } = require('./redis.js');

const folder = process.env.E2E_OLD_CLIENTS;
if (!folder) throw new Error('set E2E_OLD_CLIENTS to the folder of v2.js and v3.js');
// The bundle of 3 expects the global object of a browser.
global.window = global;
const clients = {
  '2.3.0': require(path.resolve(folder, 'v2.js')),
  '3.x': require(path.resolve(folder, 'v3.js')),
};
// Both report refusals by an event; only the name has changed.
const refusal = { '2.3.0': 'error', '3.x': 'connect_error' };
const fresh = { forceNew: true, reconnection: false };

/** A connected socket of an old client. */
async function enter(old, server, nsp = '', options = {}) {
  const socket = old(server.url + nsp, { ...fresh, ...options });
  const failure = (event) => next(socket, event).then(([error]) => { throw error; });
  await Promise.race([next(socket, 'connect'), failure('connect_error'), failure('error')]);
  return socket;
}

/** What the server answers, by clients that know no promises. */
function call(socket, event, ...args) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${event}`)), 15000);
    socket.emit(event, ...args, (...values) => { clearTimeout(timer); resolve(values.length > 1 ? values : values[0]); });
  });
}

/** Client 2 takes no views for binary. */
const binary = (...numbers) => new Uint8Array(numbers).buffer;

/** What has arrived as binary; client 2 makes it a Blob where there are any. */
async function bytes(value) {
  if (value instanceof Blob) return [...new Uint8Array(await value.arrayBuffer())];
  return [...(ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value))];
}

for (const [version, old] of Object.entries(clients)) {
  for (const [way, options] of Object.entries(ways)) {
    describe(`client ${version}, ${way}`, () => {
      let server;
      before(async () => { server = await startServer('mixed', { args: ['--eio3', '--event-loops', '2'] }); });
      after(async () => { assert.equal(await server.stop(), 0, 'exit code after SIGTERM'); });

      test('text of every kind comes back in an acknowledgement', async () => {
        const socket = await enter(old, server, '', options);
        const values = ['plain', 'ü € 漢字 🎉', '', 0, -1.5, 1e300, true, null, [1, [2]], { a: { b: 'c' } }, '\u2028"\\\n'];
        assert.deepEqual(await call(socket, 'echo', values), values);
        const long = 'x€'.repeat(100_000);
        assert.equal(await call(socket, 'echo', long), long);
        socket.disconnect();
      });

      test('binary in events and acknowledgements', async () => {
        const socket = await enter(old, server, '', options);
        const answer = await call(socket, 'echo', binary(1, 2, 255), { deep: [binary(9)] }, 'end');
        assert.deepEqual(await bytes(answer[0]), [1, 2, 255]);
        assert.deepEqual(await bytes(answer[1].deep[0]), [9]);
        assert.equal(answer[2], 'end');
        const large = new Uint8Array(100_000).fill(7);
        assert.deepEqual(await bytes(await call(socket, 'echo', large.buffer)), [...large]);
        socket.disconnect();
      });

      test('1,000 events keep their order', async () => {
        const socket = await enter(old, server, '', options);
        const seen = [];
        await Promise.all(Array.from({ length: 1000 }, (_, i) => call(socket, 'echo', i).then((x) => seen.push(x))));
        assert.deepEqual(seen, Array.from({ length: 1000 }, (_, i) => i));
        socket.disconnect();
      });

      test('two namespaces over one connection, one of them with a query', async () => {
        const manager = new old.Manager(server.url, { ...fresh, ...options });
        const main = manager.socket('/');
        const chat = manager.socket('/chat', { query: { token: 't' }, auth: { token: 't' } });
        await Promise.all([next(main, 'connect'), next(chat, 'connect')]);
        assert.equal((await call(main, 'whoami')).nsp, '/');
        assert.equal((await call(chat, 'whoami')).nsp, '/chat');
        chat.disconnect();
        assert.equal(await call(main, 'echo', 1), 1);
        main.disconnect();
      });

      test('an unknown namespace is refused with its reason', async () => {
        const socket = old(server.url + '/nowhere', { ...fresh, ...options });
        const [error] = await next(socket, refusal[version]);
        assert.equal(error.message || error, 'Invalid namespace');
        socket.disconnect();
      });

      test('the server asks, and disconnects', async () => {
        const socket = await enter(old, server, '', options);
        socket.on('ask', (x, ack) => ack(x * 2));
        const { err, res } = await call(socket, 'emit-with-ack-to-me', [21]);
        assert.equal(err, null);
        assert.deepEqual([].concat(res), [42]);
        const gone = next(socket, 'disconnect');
        socket.emit('kick-me', true);
        assert.equal((await gone)[0], 'io server disconnect');
      });

      if (way === 'upgrade') {
        test('the upgrade to WebSocket is reached while messages flow', async () => {
          const socket = await enter(old, server, '', options);
          const seen = [];
          let sent = 0;
          const end = Date.now() + 15000;
          while (socket.io.engine.transport.name !== 'websocket' || sent < 200) {
            assert.ok(Date.now() < end, 'the upgrade is reached');
            if (sent - seen.length < 100) socket.emit('echo', sent++, (x) => seen.push(x));
            await new Promise((resolve) => setImmediate(resolve));
          }
          await until(() => seen.length === sent, 'every acknowledgement');
          assert.deepEqual(seen, Array.from({ length: sent }, (_, i) => i));
          socket.disconnect();
        });
      }
    });
  }

  test(`client ${version} stays longer than the server waits for a ping, and returns by itself`, async () => {
    const args = ['--eio3', '--ping', '300', '--ping-timeout', '300'];
    let server = await startServer('mixed', { args });
    const socket = old(server.url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    await next(socket, 'connect');
    const reasons = [];
    socket.on('disconnect', (reason) => reasons.push(reason));
    const end = Date.now() + 2000;
    while (Date.now() < end) assert.equal(await call(socket, 'echo', 1), 1);
    assert.deepEqual(reasons, []);
    assert.equal(await server.stop(), 0);
    await until(() => reasons.length === 1, 'the disconnection');
    const answered = call(socket, 'echo', 'buffered');
    server = await startServer('mixed', { port: server.port, args });
    assert.equal(await answered, 'buffered');
    socket.disconnect();
    assert.equal(await server.stop(), 0);
  });
}

test('client 2.3.0 is refused where old clients are not allowed', async () => {
  const server = await startServer('mixed');
  for (const transports of [['polling'], ['websocket']]) {
    const socket = clients['2.3.0'](server.url, { ...fresh, transports });
    await next(socket, 'connect_error');
    socket.disconnect();
  }
  assert.equal(await server.stop(), 0);
});

describe('one room', () => {
  /** Every client says something, and every client hears all of it. */
  async function talk(sockets) {
    const value = [5, { a: 'ü', none: null }];
    const got = sockets.map((socket) => {
      const seen = [];
      socket.on('x', (...args) => seen.push(args));
      return seen;
    });
    for (const socket of sockets) assert.equal(await call(socket, 'join', 'both'), 'ok');
    for (const [i, socket] of sockets.entries()) {
      await call(socket, 'bcast', { to: ['both'] }, 'x', [i, value, binary(i, 255)]);
    }
    await until(() => got.every((seen) => seen.length === sockets.length), 'every delivery');
    for (const seen of got) {
      const whole = await Promise.all(seen.map(async ([i, text, data]) => [i, text, await bytes(data)]));
      assert.deepEqual(whole.sort((a, b) => a[0] - b[0]), sockets.map((_, i) => [i, value, [i, 255]]));
    }
    for (const socket of sockets) socket.disconnect();
  }

  test('on one server', async () => {
    const server = await startServer('mixed', { args: ['--eio3', '--event-loops', '2'] });
    const olds = Object.values(clients).flatMap((old) => Object.values(ways).map((way) => enter(old, server, '', way)));
    await talk(await Promise.all([connect(server), ...olds]));
    assert.equal(await server.stop(), 0);
  });

  test('on two servers', async () => {
    const redis = await startRedis();
    const args = (name) => ['--eio3', '--adapter', 'redis', '--redis', redis.url, '--key', 'old', '--name', name];
    const servers = await Promise.all(['a', 'b'].map((name) => startServer('mixed', { args: args(name) })));
    const today = await connect(servers[0]);
    const end = Date.now() + 15000;
    while (await call(today, 'server-count') !== 2) assert.ok(Date.now() < end, 'two servers are counted');
    const olds = Object.values(clients).flatMap((old) => servers.map((server) => enter(old, server, '', ways.websocket)));
    await talk([today, await connect(servers[1]), ...await Promise.all(olds)]);
    for (const server of servers) assert.equal(await server.stop(), 0);
    await redis.stop();
  });
});
