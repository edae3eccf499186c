// Our server and Node's own in one cluster over a real Redis, the official client on both: every adapter, in both directions.
// Needs SOCKETIO_NODE_MODULES, see official.js; run.sh leaves it out without.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { promisify } = require('node:util');
const { io, startServer, startOfficial, connect, next, until } = require('./harness.js');
const { startRedis } = require('./redis.js');
const { startLink } = require('./link.js');

const folder = process.env.SOCKETIO_NODE_MODULES;
if (!folder) throw new Error('set SOCKETIO_NODE_MODULES to a node_modules folder with socket.io and its adapters');
const load = (name) => require(path.resolve(folder, name));

const run = promisify(execFile);
const call = (socket, ...args) => socket.timeout(15000).emitWithAck(...args);

/** Everything of `event` from now on: the only argument, or the list of them. */
function collect(socket, event) {
  const seen = [];
  socket.on(event, (...args) => seen.push(args.length > 1 ? args : args[0]));
  return seen;
}

/** Asks again until the answer is as expected. */
async function eventually(ask, accepts, what, ms = 15000) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (accepts(answer)) return answer;
    assert.ok(Date.now() < end, `${what}, last answer ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Broadcasts to the rooms until all of the members have got one: subscriptions of their own take a moment. */
async function reach(sender, rooms, members) {
  const seen = members.map((member) => collect(member, 'probe'));
  await eventually(() => call(sender, 'bcast', { to: rooms }, 'probe', [0]), () => seen.every((list) => list.length > 0), 'members are reached');
  for (const member of members) member.off('probe');
}

let redis;
let number = 0;
// A test that fails leaves its nodes behind.
const started = [];
before(async () => { redis = await startRedis(); });
after(async () => {
  for (const node of started) await node.stop('SIGKILL').catch(() => {});
  await redis.stop();
});

/** One node for each word, `ours` or `node`, which is its name as well. */
async function startNodes(kinds, more) {
  const key = `mixed-${number++}`;
  const nodes = await Promise.all(kinds.map((kind) => (kind === 'ours' ? startServer : startOfficial)('mixed',
    { args: ['--redis', redis.url, '--key', key, '--name', kind, ...more] })));
  started.push(...nodes);
  return { key, nodes };
}

/** Each has heard of the others. */
async function meet(sockets, count) {
  for (const socket of sockets) await eventually(() => call(socket, 'server-count'), (answer) => answer === count, `${count} servers`);
}

const variants = [
  ['classic', ['--adapter', 'redis']],
  ['classic, response channels of their own', ['--adapter', 'redis', '--specific-response-channel']],
  ['sharded, static', ['--adapter', 'sharded', '--mode', 'static']],
  ['sharded, dynamic', ['--adapter', 'sharded', '--mode', 'dynamic']],
  ['sharded, dynamic-private', ['--adapter', 'sharded', '--mode', 'dynamic-private']],
  ['streams', ['--adapter', 'streams']],
];

for (const [variant, options] of variants) {
  for (const kinds of [['ours', 'node'], ['node', 'ours']]) {
    for (const nsp of ['/', '/chat']) {
      describe(`${variant}, ${kinds[0]} to ${kinds[1]}, ${nsp}`, () => {
        let nodes, key, a, b, c;
        before(async () => {
          ({ nodes, key } = await startNodes(kinds, options));
          // a and c on the first node, b on the second.
          [a, b, c] = await Promise.all([0, 1, 0].map((i) => connect(nodes[i], nsp, { transports: ['websocket'] })));
          await meet([a, b], 2);
          await reach(a, [], [a, b, c]);
          await reach(b, [], [a, b, c]);
        });
        after(async () => {
          for (const socket of [a, b, c]) socket.disconnect();
          for (const node of nodes) assert.equal(await node.stop(), 0, 'exit code after SIGTERM');
        });

        test('the servers are different ones', async () => {
          const names = await Promise.all([a, b, c].map(async (socket) => (await call(socket, 'whoami')).name));
          assert.deepEqual(names, [kinds[0], kinds[1], kinds[0]]);
        });

        test('broadcasts reach everybody meant, once', async () => {
          for (const socket of [a, b]) await call(socket, 'join', 'r1');
          for (const socket of [a, b]) await reach(socket, ['r1'], [a, b]);
          const seen = [a, b, c].map((socket) => collect(socket, 'news'));
          const ends = (text) => until(() => seen.every((list) => list.at(-1) === text), text, 15000);
          const value = { text: 'ü 漢 🎉 \u2028', list: [0, -1.5, null, true, 2 ** 53, 1e-300], empty: {}, nested: [[[]]] };
          // The encoder of Node's publish/subscribe adapters wraps larger numbers at 2^64.
          const [first, second] = kinds.map((kind) => (kind === 'ours' ? { ...value, huge: 1e300 } : value));
          // Two senders have no order, so each begins when the other's last has arrived.
          await call(a, 'bcast', {}, 'news', ['all']);
          await call(a, 'bcast', { to: ['r1'] }, 'news', [first]);
          await call(a, 'bcast', { to: ['r1', 'nobody'], except: [b.id] }, 'news', ['not b']);
          await call(a, 'bcast', { except: ['r1'] }, 'news', ['outside r1']);
          await call(a, 'bcast', { compress: false }, 'news', ['half']);
          await ends('half');
          await call(b, 'bcast', { to: ['r1'] }, 'news', [second]);
          await call(b, 'bcast', { to: ['r1', 'nobody'], except: [a.id] }, 'news', ['not a']);
          await call(b, 'bcast', { except: ['r1'] }, 'news', ['outside r1']);
          await call(b, 'bcast', {}, 'news', ['end']);
          await ends('end');
          assert.deepEqual(seen[0], ['all', first, 'not b', 'half', second, 'end']);
          assert.deepEqual(seen[1], ['all', first, 'half', second, 'not a', 'end']);
          assert.deepEqual(seen[2], ['all', 'outside r1', 'half', 'outside r1', 'end']);
          // Node drops these for a client while anything else is being sent to it, which for the one that asks may be the answer.
          for (const socket of [a, b]) {
            for (const list of seen) list.length = 0;
            await call(socket, 'bcast', { volatile: true, except: [socket.id] }, 'news', ['volatile']);
            await until(() => seen.filter((list) => list.length > 0).length === 2, 'the volatile ones', 15000);
          }
          for (const list of seen) list.length = 0;
          // Node delivers these at once, and others when Redis has them.
          await call(a, 'bcast', { local: true }, 'news', ['first only']);
          await call(b, 'bcast', { local: true }, 'news', ['second only']);
          await until(() => seen.every((list) => list.length > 0), 'the local ones', 15000);
          for (const [socket, text] of [[a, 'last of a'], [b, 'last of b']]) {
            await call(socket, 'bcast', {}, 'news', [text]);
            await ends(text);
          }
          assert.deepEqual(seen,
            ['first only', 'second only', 'first only'].map((text) => [text, 'last of a', 'last of b']));
          for (const socket of [a, b]) await call(socket, 'leave', 'r1');
          for (const socket of [a, b, c]) socket.off('news');
        });

        test('socket.broadcast leaves out the sender, and everybody in two rooms gets one copy', async () => {
          for (const socket of [a, b, c]) await call(socket, 'join', ['r2', 'r3']);
          for (const socket of [a, b]) await reach(socket, ['r2'], [a, b, c]);
          const seen = [a, b, c].map((socket) => collect(socket, 'others'));
          await call(b, 'sbcast', { to: ['r2', 'r3'] }, 'others', ['from b']);
          await until(() => seen[0].length + seen[2].length === 2, 'those of b', 15000);
          await call(a, 'sbcast', {}, 'others', ['from a']);
          await call(a, 'bcast', {}, 'others', ['end']);
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the end', 15000);
          assert.deepEqual(seen, [['from b', 'end'], ['from a', 'end'], ['from b', 'from a', 'end']]);
          for (const socket of [a, b, c]) socket.off('others');
        });

        test('one socket and a room of twenty characters are reached', async () => {
          // Node's sharded adapter takes such a room for a socket.
          const room = 'x'.repeat(20);
          await call(b, 'join', room);
          await reach(a, [room], [b]);
          await reach(a, [b.id], [b]);
          await reach(b, [c.id], [c]);
        });

        test('binary data crosses', async () => {
          for (const [from, to] of [[a, b], [b, a]]) {
            const arrived = next(to, 'blob', 15000);
            await call(from, 'bcast', { to: [to.id] }, 'blob', [{ deep: [new Uint8Array([0, 1, 255])] }, new Uint8Array(70000).fill(7), 'x']);
            const [first, second, third] = await arrived;
            assert.deepEqual([...new Uint8Array(first.deep[0])], [0, 1, 255]);
            assert.ok(Buffer.from(second).equals(Buffer.alloc(70000, 7)));
            assert.equal(third, 'x');
          }
        });

        test('1,000 broadcasts of one node keep their order on the other', async () => {
          for (const [from, to] of [[a, b], [b, a]]) {
            const seen = collect(to, 'count');
            for (let i = 0; i < 1000; i++) from.emit('bcast', { to: [to.id] }, 'count', [i], () => {});
            await until(() => seen.length === 1000, 'all of them', 30000);
            assert.deepEqual(seen, Array.from({ length: 1000 }, (_, i) => i));
            to.off('count');
          }
        });

        test('a broadcast collects acknowledgements of both nodes', async () => {
          for (const [socket, plus] of [[a, 1], [b, 2], [c, 3]]) socket.on('q', (n, ack) => ack(n + plus));
          for (const socket of [a, b]) {
            const { err, res } = await call(socket, 'bcast-ack', { timeout: 10000 }, 'q', [10]);
            assert.equal(err, null);
            assert.deepEqual(res.sort(), [11, 12, 13]);
          }
          const others = await call(a, 'bcast-ack', { timeout: 10000, except: [a.id, c.id] }, 'q', [30]);
          assert.deepEqual(others, { err: null, res: [32] });
          b.off('q');
          for (const socket of [a, b]) {
            const late = await call(socket, 'bcast-ack', { timeout: 500 }, 'q', [20]);
            assert.equal(late.err, 'operation has timed out');
            assert.deepEqual(late.res.sort(), [21, 23]);
          }
          for (const socket of [a, c]) socket.off('q');
          for (const socket of [a, b, c]) socket.on('bytes', (bytes, ack) => ack(new Uint8Array(bytes).map((byte) => byte + 1)));
          const { res } = await call(a, 'bcast-ack', { timeout: 10000, to: [b.id] }, 'bytes', [new Uint8Array([1, 2])]);
          assert.deepEqual(res.map((bytes) => [...new Uint8Array(bytes)]), [[2, 3]]);
          for (const socket of [a, b, c]) socket.off('bytes');
        });

        test('sockets and rooms of both nodes are found', async () => {
          await call(a, 'join', 'r4');
          await call(b, 'join', ['r4', 'r5']);
          await call(b, 'set-data', { name: 'Bea', tags: [1] });
          await call(a, 'set-data', { name: 'Al' });
          for (const socket of [a, b]) {
            const { err, res } = await call(socket, 'fetch', { to: ['r4'] });
            assert.equal(err, null);
            const found = new Map(res.map((each) => [each.id, each]));
            assert.deepEqual([...found.keys()].sort(), [a.id, b.id].sort());
            assert.deepEqual(found.get(a.id).data, { name: 'Al' });
            assert.deepEqual(found.get(b.id).data, { name: 'Bea', tags: [1] });
            assert.ok(found.get(b.id).rooms.includes('r5'));
            assert.equal(found.get(b.id).query, '4');
            assert.deepEqual(found.get(a.id).hs.toSorted(), found.get(b.id).hs.toSorted());
            assert.deepEqual((await call(socket, 'fetch', {})).res.map((each) => each.id).sort(), [a.id, b.id, c.id].sort());
            assert.deepEqual((await call(socket, 'fetch', { to: ['r4'], local: true })).res.map((each) => each.id), [socket.id]);
          }
          // Node's sharded and streams adapters answer nobody who asks for rooms or the sockets in them.
          if (options.includes('redis')) {
            for (const socket of [a, b]) {
              const rooms = await call(socket, 'all-rooms');
              for (const room of [a.id, b.id, c.id, 'r4', 'r5']) assert.ok(rooms.includes(room), room);
            }
          }
        });

        test('sockets of the other node join and leave', async () => {
          for (const [from, to] of [[a, b], [b, a]]) {
            await call(from, 'sockets-join', { to: [to.id] }, ['far', 'away']);
            await eventually(() => call(to, 'rooms'), (rooms) => rooms.includes('away') && rooms.includes('far'), 'joined');
            assert.ok(!(await call(from, 'rooms')).includes('far'));
            await call(from, 'sockets-leave', { to: ['far'] }, ['far', 'away']);
            await eventually(() => call(to, 'rooms'), (rooms) => !rooms.includes('away') && !rooms.includes('far'), 'left');
          }
        });

        test('servers send events to each other', async () => {
          for (const [from, to, name] of [[a, b, kinds[1]], [b, a, kinds[0]]]) {
            for (const socket of [a, b]) await call(socket, 'sse-clear');
            await call(from, 'sse-emit', 'sse', ['x', { y: 1 }, [2]]);
            await eventually(() => call(to, 'sse-log'), (log) => log.length > 0, 'the event arrives');
            assert.deepEqual(await call(to, 'sse-log'), [['x', { y: 1 }, [2]]]);
            assert.deepEqual(await call(from, 'sse-log'), [], 'not to itself');
            assert.deepEqual(await call(from, 'sse-emit-ack', 'sse-ask', [1, 'two']), { err: null, res: [{ from: name, args: [1, 'two'] }] });
          }
        });

        test('sockets of the other node are disconnected, alone or with their connection', async () => {
          const other = nsp === '/' ? '/chat' : '/';
          for (const [from, node] of [[a, nodes[1]], [b, nodes[0]]]) {
            const managers = [0, 1].map(() => new io.Manager(node.url, { forceNew: true, reconnection: false, transports: ['websocket'] }));
            const [d, e] = managers.map((manager) => manager.socket(nsp));
            const [f, g] = managers.map((manager) => manager.socket(other));
            await Promise.all([d, e, f, g].map((socket) => next(socket, 'connect', 15000)));
            const gone = [d, e, g].map((socket) => next(socket, 'disconnect', 15000));
            await call(from, 'disconnect-sockets', { to: [d.id] }, false);
            await call(from, 'disconnect-sockets', { to: [e.id] }, true);
            for (const [reason] of await Promise.all(gone)) assert.ok(['io server disconnect', 'transport close'].includes(reason), reason);
            assert.equal(await call(f, 'echo', 'alive'), 'alive');
            f.disconnect();
          }
          for (const socket of [a, b]) assert.equal(await call(socket, 'echo', 'alive'), 'alive');
        });

        // There is no command and no emitter for sharded publish/subscribe.
        const emitter = { redis: 'redis-emitter', streams: 'redis-streams-emitter' }[options[1]];
        if (emitter) test('the emitter of Node reaches clients and servers of both', async () => {
          const client = load('redis').createClient({ url: redis.url });
          await client.connect();
          const { Emitter } = load(`@socket.io/${emitter}`);
          const sender = (emitter === 'redis-emitter' ? new Emitter(client, { key }) : new Emitter(client, { streamName: key })).of(nsp);
          const seen = [a, b, c].map((socket) => collect(socket, 'shell'));
          for (const socket of [a, b]) await call(socket, 'sse-clear');
          sender.to(a.id).to(b.id).emit('shell', { n: 1 }, 2);
          sender.except(b.id).emit('shell', 'good morning');
          sender.emit('shell', 'end');
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the end', 15000);
          assert.deepEqual(seen, [[[{ n: 1 }, 2], 'good morning', 'end'], [[{ n: 1 }, 2], 'end'], ['good morning', 'end']]);
          sender.serverSideEmit('sse', 1);
          for (const socket of [a, b]) await eventually(() => call(socket, 'sse-log'), (log) => log.length > 0, 'the event arrives');
          sender.to(b.id).socketsJoin('shell-room');
          await eventually(() => call(b, 'rooms'), (rooms) => rooms.includes('shell-room'), 'joined');
          sender.to('shell-room').socketsLeave('shell-room');
          await eventually(() => call(b, 'rooms'), (rooms) => !rooms.includes('shell-room'), 'left');
          for (const socket of [a, b, c]) socket.off('shell');
          client.destroy();
        });

        if (emitter) test('the command emit reaches clients and servers of both', async () => {
          const emit = (...args) => run(path.join(process.env.E2E_BIN, 'socketio-server'), ['emit', '--key', key, '--namespace', nsp, ...args],
            { env: { PATH: process.env.PATH, SOCKETIO_REDIS_URL: redis.url,
              ...(variant === 'streams' && { SOCKETIO_ADAPTER: 'redis-streams', SOCKETIO_REDIS_STREAM_NAME: key }) } });
          const seen = [a, b, c].map((socket) => collect(socket, 'shell'));
          for (const socket of [a, b]) await call(socket, 'sse-clear');
          await emit('--to', a.id, '--to', b.id, 'shell', '{"n":1}', '2');
          await emit('--except', b.id, '--text', 'shell', 'good morning');
          await emit('shell', '"end"');
          await until(() => seen.every((list) => list.at(-1) === 'end'), 'the end', 15000);
          assert.deepEqual(seen, [[[{ n: 1 }, 2], 'good morning', 'end'], [[{ n: 1 }, 2], 'end'], ['good morning', 'end']]);
          await emit('--server-side', 'sse', '[1]');
          for (const socket of [a, b]) await eventually(() => call(socket, 'sse-log'), (log) => log.length > 0, 'the event arrives');
          await emit('--to', b.id, '--join', 'shell-room');
          await eventually(() => call(b, 'rooms'), (rooms) => rooms.includes('shell-room'), 'joined');
          await emit('--to', 'shell-room', '--leave', 'shell-room');
          await eventually(() => call(b, 'rooms'), (rooms) => !rooms.includes('shell-room'), 'left');
          for (const socket of [a, b, c]) socket.off('shell');
        });
      });
    }
  }

  test(`${variant}: three servers, one of which dies`, { timeout: 90000 }, async () => {
    for (const kinds of [['ours', 'node', 'node'], ['node', 'ours', 'ours']]) {
      const { nodes } = await startNodes(kinds, options);
      const sockets = await Promise.all(nodes.map((node) => connect(node, '/', { transports: ['websocket'] })));
      await meet(sockets, 3);
      for (const socket of sockets) await reach(socket, [], sockets);
      for (const socket of sockets) {
        assert.deepEqual((await call(socket, 'fetch', {})).res.map((each) => each.id).sort(), sockets.map((each) => each.id).sort());
      }
      await nodes[2].stop('SIGKILL').catch(() => {});
      const rest = sockets.slice(0, 2);
      await meet(rest, 2);
      for (const socket of rest) {
        const { err, res } = await call(socket, 'fetch', {});
        assert.equal(err, null);
        assert.equal(res.length, 2);
      }
      for (const socket of sockets) socket.disconnect();
      for (const node of nodes.slice(0, 2)) assert.equal(await node.stop(), 0);
    }
  });
}

describe('sessions over streams, with share-with-node', { timeout: 120000 }, () => {
  /** What our server needs to know more than Node's. */
  async function startSharing(kinds) {
    const key = `mixed-${number++}`;
    const nodes = await Promise.all(kinds.map((kind) => (kind === 'ours' ? startServer : startOfficial)('mixed', {
      args: ['--adapter', 'streams', '--redis', redis.url, '--key', key, '--name', kind, '--recovery',
        ...(kind === 'ours' ? ['--share-with-node'] : [])],
    })));
    started.push(...nodes);
    return nodes;
  }

  for (const nsp of ['/', '/chat']) {
    for (const kinds of [['ours', 'node'], ['node', 'ours']]) {
      test(`a client of ${kinds[0]} returns to ${kinds[1]} and back, ${nsp}`, async () => {
        const nodes = await startSharing(kinds);
        const drivers = await Promise.all(nodes.map((node) => connect(node, nsp, { transports: ['websocket'] })));
        await meet(drivers, 2);
        const link = await startLink(nodes[0].port);
        // A server of Node writes the session when it sees the end of the connection, and nobody can ask it to.
        const manager = new io.Manager(link.url, { transports: ['websocket'], reconnectionDelay: 300, reconnectionDelayMax: 300, randomizationFactor: 0 });
        const member = manager.socket(nsp);
        const seen = [];
        member.on('n', (value) => seen.push(value));
        await next(member, 'connect', 15000);
        const { id } = member;
        await call(member, 'join', 'room');
        await call(member, 'set-data', { name: 'Bea', tags: [1] });
        for (const driver of drivers) await reach(driver, ['room'], [member]);

        let value = 0;
        const expected = [];
        async function send(count) {
          for (let i = 0; i < count; i++) {
            value += 1;
            // From both servers, and once with bytes; others are not for this client.
            const options = value % 5 === 0 ? { to: [id] } : { to: ['room'] };
            await call(drivers[value % 2], 'bcast', options, 'n', [value]);
            await call(drivers[value % 2], 'bcast', { to: ['room'], except: [id] }, 'n', [-value]);
            expected.push(value);
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }
        await send(5);
        await until(() => seen.length === expected.length, 'the first ones', 15000);
        for (const [turn, to] of [1, 0, 1, 0].entries()) {
          link.port = nodes[to].port;
          const back = next(member, 'connect', 15000);
          link.cut();
          await send(8);
          await back;
          const what = `turn ${turn}, from ${kinds[1 - to]} to ${kinds[to]}`;
          assert.ok(member.recovered, what);
          assert.equal(member.id, id, what);
          assert.equal((await call(member, 'whoami')).name, kinds[to], what);
          await send(3);
          await until(() => seen.length >= expected.length, `${what}, all of them, got ${seen}`, 15000);
          assert.deepEqual(seen, expected, what);
          assert.ok((await call(member, 'rooms')).includes('room'), what);
          const { res } = await call(drivers[0], 'fetch', { to: ['room'] });
          assert.deepEqual(res.map((socket) => [socket.id, socket.data]), [[id, { name: 'Bea', tags: [1] }]], what);
        }
        member.disconnect();
        link.close();
        for (const driver of drivers) driver.disconnect();
        for (const node of nodes) assert.equal(await node.stop(), 0);
      });
    }
  }
});
