// Messages of the official client with `retries`: handled once, also at another node, and answered as the first time.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { io, startServer, connect, next, until } = require('./harness.js');
const { startRedis } = require('./redis.js');
const { startLink } = require('./link.js');

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe('at least once, over streams', { timeout: 120000 }, () => {
  let redis;
  let number = 0;
  const started = [];
  before(async () => { redis = await startRedis({ more: ['--appendonly', 'yes'] }); });
  after(async () => {
    for (const node of started) await node.stop('SIGKILL').catch(() => {});
    await redis.stop();
  });

  async function startCluster(count) {
    const key = `retries-${number++}`;
    const nodes = await Promise.all(Array.from({ length: count }, (_, i) => startServer('mixed', {
      args: ['--adapter', 'streams', '--redis', redis.url, '--key', key, '--name', `node-${i}`, '--recovery'],
    })));
    started.push(...nodes);
    return nodes;
  }

  /** Who learns of every message that is handled, at whichever node. */
  async function watch(node) {
    const watcher = await connect(node);
    watcher.handled = [];
    watcher.on('handled', (id, name) => watcher.handled.push([id, name]));
    await watcher.timeout(15000).emitWithAck('join', 'handled');
    return watcher;
  }

  async function sender(link, options) {
    const socket = io(link.url, {
      forceNew: true, transports: ['websocket'], reconnectionDelay: 20, reconnectionDelayMax: 50, retries: 100, ackTimeout: 1000,
      ...options,
    });
    socket.losses = 0;
    socket.on('disconnect', () => { socket.losses += 1; });
    await next(socket, 'connect', 15000);
    return socket;
  }

  /** Sends a message, and gives the answer. */
  const send = (socket, id, ms, sender = 'ada') => new Promise((resolve, reject) => socket.emit('once', `m${id}`, sender, ms,
    (error, answer) => (error ? reject(error) : resolve(answer))));

  test('links are cut while messages are handled, and the client returns to another node each time', async () => {
    const nodes = await startCluster(3);
    const watcher = await watch(nodes[0]);
    const link = await startLink(nodes[0].port);
    const socket = await sender(link);
    const total = 60;
    const answers = Promise.all(numbers(1, total).map((id) => send(socket, id, 30)));
    let isOver = false;
    answers.finally(() => { isOver = true; });
    let cuts = 0;
    while (!isOver) {
      // In the middle of a message, between two, and before an answer.
      await pause(10 + (cuts * 17) % 60);
      link.port = nodes[++cuts % 3].port;
      const back = next(socket, 'connect', 15000).catch(() => {});
      link.cut();
      await Promise.race([back, answers]);
    }
    await answers;
    await until(() => watcher.handled.length >= total, 'all are handled', 20000);
    await pause(200);
    // Each once, in the order of sending.
    assert.deepEqual(watcher.handled.map(([id]) => id), numbers(1, total).map((id) => `m${id}`));
    assert.ok(new Set(watcher.handled.map(([, name]) => name)).size > 1, 'more than one node');
    assert.ok(socket.losses > 5, `${socket.losses} losses`);
    // The answer is that of the node that handled it, whichever node gave it.
    assert.deepEqual((await answers).map(([name]) => name), watcher.handled.map(([, name]) => name));
    // Sent again at every node, by another connection: the same answer.
    for (const node of nodes) {
      const other = await connect(node);
      const again = await other.timeout(15000).emitWithAck('once', 'm7', 'ada', 0);
      assert.deepEqual(again, (await answers)[6]);
      other.disconnect();
    }
    assert.equal(watcher.handled.length, total);
    socket.disconnect();
    link.close();
    watcher.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('the node that handles a message is killed: another one handles it', async () => {
    const nodes = await startCluster(2);
    const watcher = await watch(nodes[0]);
    const link = await startLink(nodes[1].port);
    const socket = await sender(link);
    assert.equal((await send(socket, 1, 0, 'bob'))[0], 'node-1');
    const slow = send(socket, 2, 1500, 'bob');
    await pause(300);
    link.port = nodes[0].port;
    await nodes[1].stop('SIGKILL').catch(() => {});
    assert.equal((await slow)[0], 'node-0');
    assert.equal((await send(socket, 3, 0, 'bob'))[0], 'node-0');
    await until(() => watcher.handled.length >= 3, 'all are handled', 20000);
    assert.deepEqual(watcher.handled, [['m1', 'node-1'], ['m2', 'node-0'], ['m3', 'node-0']]);
    socket.disconnect();
    link.close();
    watcher.disconnect();
    assert.equal(await nodes[0].stop(), 0);
  });
});
