// Two conformance servers over a real Redis, the official JavaScript client on both: every operation of `mixed`.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { promisify } = require('node:util');
const { io, startServer, connect, next, until, ways } = require('./harness.js');
const { startRedis } = require('./redis.js');

const run = promisify(execFile);
const command = path.join(process.env.E2E_BIN, 'socketio-server');
const call = (socket, ...args) => socket.timeout(15000).emitWithAck(...args);
/** Everything of `event` from now on, first arguments. */
function collect(socket, event) {
  const seen = [];
  socket.on(event, (...args) => seen.push(args.length > 1 ? args : args[0]));
  return seen;
}

let redis;
let number = 0;
before(async () => { redis = await startRedis(); });
after(async () => { await redis.stop(); });

async function startNodes(count, more = []) {
  const key = `test-${number++}`;
  const adapter = more.includes('--adapter') ? [] : ['--adapter', 'redis'];
  const args = (name) => [...adapter, '--redis', redis.url, '--key', key, '--name', name, ...more];
  const nodes = await Promise.all(Array.from({ length: count }, (_, i) => startServer('mixed', { args: args(`node-${i}`) })));
  return { nodes, key };
}

async function stopNodes(nodes) {
  for (const node of nodes) assert.equal(await node.stop(), 0, 'exit code after SIGTERM');
}

const variants = [
  ['shared response channel', []],
  ['response channel of its own', ['--specific-response-channel']],
  ['streams', ['--adapter', 'streams']],
];

for (const [variant, options] of variants) {
  for (const nsp of ['/', '/chat']) {
    for (const [way, transports] of Object.entries(ways)) {
      describe(`${nsp} over ${way}, ${variant}`, () => {
        let nodes, key, a, b, c;
        before(async () => {
          ({ nodes, key } = await startNodes(2, options));
          // a and c on the first node, b on the second.
          [a, b, c] = await Promise.all([0, 1, 0].map((i) => connect(nodes[i], nsp, transports)));
          // Each has heard of the other.
          const end = Date.now() + 15000;
          while (await call(a, 'server-count') !== 2 || await call(b, 'server-count') !== 2) {
            assert.ok(Date.now() < end, 'two servers are counted');
          }
        });
        after(async () => {
          for (const socket of [a, b, c]) socket.disconnect();
          await stopNodes(nodes);
        });

        test('the servers are different ones', async () => {
          const names = await Promise.all([a, b, c].map(async (socket) => (await call(socket, 'whoami')).name));
          assert.deepEqual(names, ['node-0', 'node-1', 'node-0']);
        });

        test('broadcasts reach everybody meant, once, with every kind of value', async () => {
          for (const socket of [a, b]) await call(socket, 'join', 'r1');
          const seen = [a, b, c].map((socket) => collect(socket, 'news'));
          const value = { text: 'ü 漢 🎉 \u2028', list: [0, -1.5, null, true, 2 ** 53, 1e300], empty: {}, nested: [[[]]] };
          await call(a, 'bcast', {}, 'news', ['all']);
          // Two senders have no order, so each begins when the other's last has arrived.
          await until(() => seen.every((list) => list.length === 1), 'the first', 15000);
          await call(b, 'bcast', { to: ['r1'] }, 'news', [value]);
          await call(b, 'bcast', { to: ['r1', 'nobody'], except: [a.id] }, 'news', ['not a']);
          await call(b, 'bcast', { except: ['r1'] }, 'news', ['outside r1']);
          await until(() => seen[0].length === 2 && seen[2].length === 2, 'those of b', 15000);
          await call(a, 'bcast', { local: true }, 'news', ['here only']);
          await call(a, 'bcast', { volatile: true }, 'news', ['volatile']);
          await call(a, 'bcast', { compress: false }, 'news', ['end']);
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the last broadcast', 15000);
          // A client between two polls may miss what is volatile.
          const certain = seen.map((list) => list.filter((value) => value !== 'volatile'));
          assert.ok(seen.every((list, i) => list.length - certain[i].length <= 1));
          if (way === 'websocket') assert.ok(seen.every((list) => list.includes('volatile')));
          assert.deepEqual(certain[0], ['all', value, 'here only', 'end']);
          assert.deepEqual(certain[1], ['all', value, 'not a', 'end']);
          assert.deepEqual(certain[2], ['all', 'outside r1', 'here only', 'end']);
          for (const socket of [a, b]) await call(socket, 'leave', 'r1');
          for (const socket of [a, b, c]) socket.off('news');
        });

        test('socket.broadcast leaves out the sender, rooms of both nodes are meant', async () => {
          for (const socket of [a, b, c]) await call(socket, 'join', ['r2', 'r3']);
          const seen = [a, b, c].map((socket) => collect(socket, 'others'));
          await call(b, 'sbcast', { to: ['r2', 'r3'] }, 'others', ['from b']);
          await call(a, 'sbcast', {}, 'others', ['from a']);
          await until(() => seen.flat().length === 4, 'all of them', 15000);
          await call(a, 'bcast', {}, 'others', ['end']);
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the end', 15000);
          assert.deepEqual(seen[0], ['from b', 'end']);
          assert.deepEqual(seen[1], ['from a', 'end']);
          // Two senders have no order.
          assert.deepEqual(seen[2].slice(0, 2).sort(), ['from a', 'from b']);
          assert.equal(seen[2].length, 3);
          for (const socket of [a, b, c]) socket.off('others');
        });

        test('binary data crosses', async () => {
          const arrived = next(b, 'blob', 15000);
          await call(a, 'bcast', { to: [b.id] }, 'blob', [{ deep: [new Uint8Array([0, 1, 255])] }, new Uint8Array(70000).fill(7)]);
          const [first, second] = await arrived;
          assert.deepEqual([...new Uint8Array(first.deep[0])], [0, 1, 255]);
          assert.ok(Buffer.from(second).equals(Buffer.alloc(70000, 7)));
        });

        test('1,000 broadcasts of one node keep their order on the other', async () => {
          const seen = collect(b, 'count');
          for (let i = 0; i < 1000; i++) a.emit('bcast', { to: [b.id] }, 'count', [i], () => {});
          await until(() => seen.length === 1000, 'all of them', 30000);
          assert.deepEqual(seen, Array.from({ length: 1000 }, (_, i) => i));
          b.off('count');
        });

        test('a broadcast collects acknowledgements of both nodes', async () => {
          for (const [socket, plus] of [[a, 1], [b, 2], [c, 3]]) socket.on('q', (n, ack) => ack(n + plus));
          const { err, res } = await call(a, 'bcast-ack', { timeout: 10000 }, 'q', [10]);
          assert.equal(err, null);
          assert.deepEqual(res.sort(), [11, 12, 13]);
          b.off('q');
          const late = await call(a, 'bcast-ack', { timeout: 500 }, 'q', [20]);
          assert.equal(late.err, 'operation has timed out');
          assert.deepEqual(late.res.sort(), [21, 23]);
          for (const socket of [a, c]) socket.off('q');
        });

        test('lists of arguments have any length', async () => {
          const list = [1, 'two', { three: [3] }, null, 5.5, true, new Uint8Array([7])];
          const plain = list.slice(0, 6);
          const seen = [b, c].map((socket) => collect(socket, 'long'));
          await call(a, 'bcast', {}, 'long', list);
          await call(a, 'sbcast', {}, 'long', plain);
          await until(() => seen.every((all) => all.length === 2), 'both events', 15000);
          for (const all of seen) {
            assert.deepEqual(all[0].slice(0, 6), plain);
            assert.deepEqual([...new Uint8Array(all[0][6])], [7]);
            assert.deepEqual(all[1], plain);
          }
          for (const socket of [a, b, c]) socket.on('ask', (...args) => args.at(-1)(args.length - 1));
          assert.deepEqual(await call(a, 'bcast-ack', { timeout: 10000 }, 'ask', plain), { err: null, res: [6, 6, 6] });
          assert.deepEqual(await call(b, 'emit-with-ack-to-me', plain), { err: null, res: 6 });
          for (const socket of [a, b, c]) socket.off('ask');
          for (const socket of [b, c]) socket.off('long');
          await call(b, 'sse-clear');
          await call(a, 'sse-emit', 'sse', plain);
          const end = Date.now() + 15000;
          while ((await call(b, 'sse-log')).length === 0) assert.ok(Date.now() < end, 'the event arrives');
          assert.deepEqual(await call(b, 'sse-log'), [plain]);
          assert.deepEqual(await call(a, 'sse-emit-ack', 'sse-ask', plain), { err: null, res: [{ from: 'node-1', args: plain }] });
        });

        test('sockets and rooms of all nodes are found', async () => {
          await call(a, 'join', 'r4');
          await call(b, 'join', ['r4', 'r5']);
          await call(b, 'set-data', { name: 'Bea', tags: [1] });
          const { err, res } = await call(a, 'fetch', { to: ['r4'] });
          assert.equal(err, null);
          const found = new Map(res.map((socket) => [socket.id, socket]));
          assert.deepEqual([...found.keys()].sort(), [a.id, b.id].sort());
          assert.deepEqual(found.get(b.id).data, { name: 'Bea', tags: [1] });
          assert.equal(found.get(b.id).query, '4');
          assert.ok(found.get(b.id).rooms.includes('r5'));
          assert.deepEqual(found.get(b.id).hs, found.get(a.id).hs);
          assert.deepEqual((await call(b, 'fetch', { to: ['r4'], local: true })).res.map((socket) => socket.id), [b.id]);
          assert.deepEqual((await call(b, 'fetch', {})).res.map((socket) => socket.id).sort(), [a.id, b.id, c.id].sort());
          assert.deepEqual(await call(c, 'sockets-in', ['r5']), [b.id]);
          assert.deepEqual(await call(c, 'sockets-in', []), [a.id, b.id, c.id].sort());
          const rooms = await call(c, 'all-rooms');
          for (const room of [a.id, b.id, c.id, 'r4', 'r5']) assert.ok(rooms.includes(room), room);
          assert.deepEqual((await call(b, 'rooms')).filter((room) => /^r[45]$/.test(room)).sort(), ['r4', 'r5']);
        });

        test('sockets of the other node join and leave', async () => {
          await call(a, 'sockets-join', { to: [b.id] }, ['far', 'away']);
          const end = Date.now() + 15000;
          while (!(await call(b, 'rooms')).includes('away')) assert.ok(Date.now() < end, 'b has joined');
          assert.ok((await call(b, 'rooms')).includes('far'));
          assert.ok(!(await call(a, 'rooms')).includes('far'));
          await call(c, 'sockets-leave', { to: ['far'] }, ['far', 'away']);
          while ((await call(b, 'rooms')).includes('away')) assert.ok(Date.now() < end, 'b has left');
        });

        test('servers send events to each other', async () => {
          for (const socket of [a, b]) await call(socket, 'sse-clear');
          await call(a, 'sse-emit', 'sse', ['x', { y: 1 }, [2]]);
          const end = Date.now() + 15000;
          while ((await call(b, 'sse-log')).length === 0) assert.ok(Date.now() < end, 'the event arrives');
          assert.deepEqual(await call(b, 'sse-log'), [['x', { y: 1 }, [2]]]);
          assert.deepEqual(await call(a, 'sse-log'), [], 'not to itself');
          assert.deepEqual(await call(a, 'sse-emit-ack', 'sse-ask', [1, 'two']),
            { err: null, res: [{ from: 'node-1', args: [1, 'two'] }] });
        });

        test('the command emit reaches clients and servers', async () => {
          const emit = (...args) => run(command, ['emit', '--key', key, '--namespace', nsp, ...args],
            { env: { PATH: process.env.PATH, SOCKETIO_REDIS_URL: redis.url,
              ...(variant === 'streams' && { SOCKETIO_ADAPTER: 'redis-streams', SOCKETIO_REDIS_STREAM_NAME: key }) } });
          const seen = [a, b, c].map((socket) => collect(socket, 'shell'));
          assert.equal((await emit('--to', a.id, '--to', b.id, 'shell', '{"n":1}', '2')).stdout, 'received by 2 servers\n');
          await emit('--except', b.id, '--text', 'shell', 'good morning');
          await emit('shell', '"end"');
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the end', 15000);
          assert.deepEqual(seen, [[[{ n: 1 }, 2], 'good morning', 'end'], [[{ n: 1 }, 2], 'end'], ['good morning', 'end']]);
          await call(b, 'sse-clear');
          await emit('--server-side', 'sse', '[1]');
          await emit('--to', b.id, '--join', 'shell-room');
          const end = Date.now() + 15000;
          while (!(await call(b, 'rooms')).includes('shell-room')) assert.ok(Date.now() < end, 'b has joined');
          while ((await call(b, 'sse-log')).length === 0) assert.ok(Date.now() < end, 'the event arrives');
          assert.deepEqual(await call(b, 'sse-log'), [[[1]]]);
          await emit('--to', 'shell-room', '--leave', 'shell-room');
          while ((await call(b, 'rooms')).includes('shell-room')) assert.ok(Date.now() < end, 'b has left');
        });

        test('sockets of the other node are disconnected, alone or with their connection', async () => {
          const other = nsp === '/' ? '/chat' : '/';
          const managers = [0, 1].map(() => new io.Manager(nodes[1].url, { forceNew: true, reconnection: false, ...transports }));
          const [d, e] = managers.map((manager) => manager.socket(nsp));
          const [f, g] = managers.map((manager) => manager.socket(other));
          await Promise.all([d, e, f, g].map((socket) => next(socket, 'connect', 15000)));
          const gone = [d, e, g].map((socket) => next(socket, 'disconnect', 15000));
          await call(a, 'disconnect-sockets', { to: [d.id] }, false);
          await call(a, 'disconnect-sockets', { to: [e.id] }, true);
          for (const [reason] of await Promise.all(gone)) assert.ok(['io server disconnect', 'transport close'].includes(reason), reason);
          assert.equal(await call(f, 'echo', 'alive'), 'alive');
          f.disconnect();
          assert.equal(await call(b, 'echo', 'alive'), 'alive');
        });
      });
    }
  }
}

test('plain round robin works: nodes carry requests to each other', async () => {
  const { nodes } = await startNodes(2);
  const path = '/socket.io/?EIO=4&transport=polling';
  const open = await (await fetch(nodes[0].url + path)).text();
  const { sid } = JSON.parse(open.slice(1));
  const at = (number) => `${nodes[number].url}${path}&sid=${sid}`;
  // The other node may have to hear first where this one is.
  const end = Date.now() + 15000;
  let posted;
  while ((posted = await fetch(at(1), { method: 'POST', body: '40' })).status !== 200) assert.ok(Date.now() < end, 'carried');
  assert.equal(await posted.text(), 'ok');
  assert.match(await (await fetch(at(0))).text(), /^40/);
  await fetch(at(0), { method: 'POST', body: '420["echo","x"]' });
  assert.equal(await (await fetch(at(1))).text(), '430["x"]');
  await stopNodes(nodes);
});

test('a node that dies is no longer waited for', async () => {
  const { nodes } = await startNodes(3, ['--requests-timeout', '20000']);
  const sockets = await Promise.all(nodes.map((node) => connect(node)));
  const end = Date.now() + 30000;
  while (await call(sockets[0], 'server-count') !== 3) assert.ok(Date.now() < end, 'three servers');
  await nodes[2].stop('SIGKILL').catch(() => {});
  while (await call(sockets[0], 'server-count') !== 2) assert.ok(Date.now() < end, 'two servers');
  const { err, res } = await call(sockets[0], 'fetch', {});
  assert.equal(err, null);
  assert.equal(res.length, 2);
  for (const socket of sockets) socket.disconnect();
  await stopNodes(nodes.slice(0, 2));
});

test('clusters with different keys do not hear each other', async () => {
  const one = await startNodes(1);
  const other = await startNodes(1);
  const [a, b] = [await connect(one.nodes[0]), await connect(other.nodes[0])];
  const seen = collect(b, 'x');
  await call(a, 'bcast', {}, 'x', ['ours']);
  assert.equal(await call(a, 'server-count'), 1);
  await call(b, 'bcast', {}, 'x', ['theirs']);
  await until(() => seen.length > 0, 'its own event', 15000);
  assert.deepEqual(seen, ['theirs']);
  for (const socket of [a, b]) socket.disconnect();
  await stopNodes([...one.nodes, ...other.nodes]);
});
