// Sessions that go on at other nodes: the official client on three servers that share a Redis stream.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { io, startServer, connect, next, until } = require('./harness.js');
const { startRedis } = require('./redis.js');
const { startLink } = require('./link.js');

const call = (socket, ...args) => socket.timeout(15000).emitWithAck(...args);

/** The next connection of the client leads to another node. */
function moveTo(member, node) { member.link.port = node.port; member.node = node; }

let redis;
let number = 0;
before(async () => { redis = await startRedis({ more: ['--appendonly', 'yes'] }); });
// A test that fails leaves its nodes behind.
const started = [];
after(async () => {
  for (const node of started) await node.stop('SIGKILL').catch(() => {});
  await redis.stop();
});

const nodeOptions = (key, name) => ({
  args: ['--adapter', 'streams', '--redis', redis.url, '--key', key, '--name', name, '--recovery', '--event-loops', '2'],
});

async function startCluster(count) {
  const key = `rec-${number++}`;
  const nodes = await Promise.all(Array.from({ length: count }, (_, i) => startServer('mixed', nodeOptions(key, `node-${i}`))));
  started.push(...nodes);
  return { key, nodes };
}

/** A client in the room, which counts what it gets. */
async function join(node, nsp) {
  const link = await startLink(node.port);
  const manager = new io.Manager(link.url, { transports: ['websocket'], reconnectionDelay: 20, reconnectionDelayMax: 100 });
  const socket = manager.socket(nsp);
  const member = { link, manager, socket, node, nsp, seen: [], losses: 0, failures: [] };
  socket.on('n', (value) => member.seen.push(value));
  socket.on('disconnect', () => { member.losses += 1; });
  socket.on('connect', () => { if (member.losses > 0 && !socket.recovered) member.failures.push(member.losses); });
  await next(socket, 'connect', 15000);
  await call(socket, 'join', 'room');
  return member;
}

async function traffic(drivers, from, to, pause = 5) {
  for (let value = from; value <= to; value++) {
    for (const driver of drivers()) await call(driver, 'bcast', { to: ['room'] }, 'n', [value]);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function check(members, total) {
  await until(() => members.every((member) => member.seen.at(-1) === total), 'the last number', 20000);
  const expected = Array.from({ length: total }, (_, i) => i + 1);
  for (const member of members) {
    assert.deepEqual(member.seen, expected, `${member.nsp}: ${member.losses} losses, failures ${member.failures}`);
    assert.deepEqual(member.failures, []);
  }
}

function end(members) {
  for (const member of members) { member.manager._close?.(); member.socket.disconnect(); member.link.close(); }
}

describe('recovery over streams', { timeout: 120000 }, () => {
  test('links are cut, and clients return to another node each time', async () => {
    const { nodes } = await startCluster(3);
    const members = [];
    for (let i = 0; i < 6; i++) members.push(await join(nodes[i % 3], i % 2 ? '/chat' : '/'));
    const drivers = [await connect(nodes[0], '/'), await connect(nodes[1], '/chat')];
    await traffic(() => drivers, 1, 5);
    await until(() => members.every((member) => member.seen.length > 0), 'an offset', 15000);
    const cutting = setInterval(() => {
      const member = members[Math.floor(Math.random() * members.length)];
      moveTo(member, nodes[(nodes.indexOf(member.node) + 1) % 3]);
      member.link.cut();
    }, 40);
    await traffic(() => drivers, 6, 200);
    clearInterval(cutting);
    await check(members, 200);
    assert.ok(members.reduce((sum, member) => sum + member.losses, 0) > 10);
    end(members);
    for (const driver of drivers) driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('a connection that is lost without its node noticing gives its session up', async () => {
    const { nodes } = await startCluster(2);
    const member = await join(nodes[0], '/');
    const driver = await connect(nodes[0], '/');
    await traffic(() => [driver], 1, 5);
    await until(() => member.seen.length === 5, 'an offset', 15000);
    const { id } = member.socket;
    for (let round = 0; round < 4; round++) {
      // Twice to the other node, twice to the same one.
      if (round % 2 === 0) moveTo(member, nodes[(nodes.indexOf(member.node) + 1) % 2]);
      const back = next(member.socket, 'connect', 15000);
      member.link.cutHalf();
      await traffic(() => [driver], 6 + round * 10, 15 + round * 10);
      await back;
      assert.equal(member.socket.id, id);
      assert.ok((await call(member.socket, 'rooms')).includes('room'));
    }
    await check([member], 45);
    // One socket has the session, not two.
    assert.deepEqual((await call(driver, 'fetch', { to: ['room'] })).res.map((socket) => socket.id), [id]);
    end([member]);
    driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('a session is used once', async () => {
    const { nodes } = await startCluster(2);
    const sockets = [await connect(nodes[0], '/', { transports: ['websocket'] })];
    const owner = io(nodes[1].url, { forceNew: true, reconnection: false, transports: ['websocket'] });
    const packets = [];
    owner.io.on('open', () => owner.io.engine.on('packet', (packet) => packets.push(String(packet.data))));
    await next(owner, 'connect');
    sockets.push(owner);
    // What a client shows, shown by several at once.
    const { pid } = JSON.parse(packets.find((text) => text.startsWith('0{')).slice(1));
    const seen = next(owner, 'n');
    await call(sockets[0], 'bcast', { to: [owner.id] }, 'n', [1]);
    const offset = (await seen).at(-1);
    assert.match(offset, /^\d+-\d+$/);
    owner.io.engine.close();
    const claims = await Promise.all([0, 1, 0, 1].map((i) => connect(nodes[i], '/', { transports: ['websocket'], auth: { pid, offset } })));
    // One after the other may have taken it over, but in the end one of them has it.
    const id = JSON.parse(packets.find((text) => text.startsWith('0{')).slice(1)).sid;
    await until(() => claims.filter((socket) => socket.connected && socket.id === id).length === 1, 'one owner', 5000);
    const found = (await call(sockets[0], 'fetch', {})).res.map((socket) => socket.id);
    assert.equal(found.filter((other) => other === id).length, 1);
    for (const socket of [...sockets, ...claims]) socket.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('Redis is away for two seconds: nothing is lost or doubled', async () => {
    const { nodes } = await startCluster(3);
    const members = [];
    for (let i = 0; i < 6; i++) members.push(await join(nodes[i % 3], '/'));
    const driver = await connect(nodes[0], '/');
    await traffic(() => [driver], 1, 20);
    await redis.restart(2000, () => traffic(() => [driver], 21, 60, 20));
    await traffic(() => [driver], 61, 120);
    await check(members, 120);
    end(members);
    driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('what is sent while Redis is away is delivered at once, and clients that return get nothing twice', async () => {
    const { nodes } = await startCluster(2);
    const staying = await join(nodes[0], '/');
    const returning = await join(nodes[0], '/');
    const moving = await join(nodes[0], '/');
    const late = await join(nodes[0], '/');
    const other = await join(nodes[1], '/');
    const members = [staying, returning, moving, late, other];
    const driver = await connect(nodes[0], '/');
    await traffic(() => [driver], 1, 20);
    await until(() => members.every((member) => member.seen.at(-1) === 20), 'an offset', 15000);
    // It comes back when everything is over.
    late.link.port = 1;
    late.link.cut();
    await redis.restart(1500, async () => {
      await traffic(() => [driver], 21, 40);
      await until(() => [staying, returning, moving].every((member) => member.seen.at(-1) === 40), 'local delivery', 1000);
      returning.link.cut();
      moveTo(moving, nodes[1]);
      moving.link.cut();
      await traffic(() => [driver], 41, 60);
      await until(() => staying.seen.at(-1) === 60, 'local delivery', 1000);
    });
    await traffic(() => [driver], 61, 80);
    late.link.port = nodes[0].port;
    await check(members, 80);
    assert.deepEqual(members.map((member) => member.losses), [0, 1, 1, 1, 0]);
    // Another loss brings nothing back either.
    for (const member of members) member.link.cut();
    await traffic(() => [driver], 81, 90);
    await check(members, 90);
    end(members);
    driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('what is sent before a disconnection arrives before it', async () => {
    const { nodes } = await startCluster(2);
    for (const close of [false, true]) {
      const socket = await connect(nodes[0], '/', { transports: ['websocket'] });
      const got = [];
      socket.on('bye', (number) => got.push(number));
      const ended = next(socket, 'disconnect', 15000);
      socket.emit('farewell', 5, close);
      assert.equal((await ended)[0], 'io server disconnect');
      assert.deepEqual(got, [1, 2, 3, 4, 5, 6]);
    }
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });

  test('a node is killed: its clients go on at others', async () => {
    const { nodes } = await startCluster(3);
    const members = [];
    for (let i = 0; i < 6; i++) members.push(await join(nodes[i % 3], '/'));
    const driver = await connect(nodes[0], '/');
    await traffic(() => [driver], 1, 20);
    await until(() => members.every((member) => member.seen.length > 0), 'an offset', 15000);
    const going = traffic(() => [driver], 21, 150);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const orphans = members.filter((member) => member.node === nodes[2]);
    for (const member of orphans) moveTo(member, nodes[1]);
    await nodes[2].stop('SIGKILL').catch(() => {});
    await going;
    await check(members, 150);
    assert.ok(orphans.every((member) => member.losses >= 1));
    end(members);
    driver.disconnect();
    for (const node of nodes.slice(0, 2)) assert.equal(await node.stop(), 0);
  });

  test('three nodes are restarted one after the other under traffic', async () => {
    const { key, nodes } = await startCluster(3);
    const members = [];
    for (let i = 0; i < 6; i++) members.push(await join(nodes[i % 3], '/'));
    let driver = await connect(nodes[2], '/');
    await traffic(() => [driver], 1, 10);
    await until(() => members.every((member) => member.seen.length > 0), 'an offset', 15000);
    let value = 10;
    for (let i = 0; i < 3; i++) {
      const other = nodes[(i + 1) % 3];
      driver.disconnect();
      driver = await connect(other, '/');
      const going = traffic(() => [driver], value + 1, value + 60);
      value += 60;
      for (const member of members.filter((member) => member.node === nodes[i])) moveTo(member, other);
      assert.equal(await nodes[i].stop(), 0);
      await going;
      nodes[i] = await startServer('mixed', nodeOptions(key, `node-${i}`));
      // The new one takes over what another had.
      for (const member of members.filter((_, index) => index % 3 === i)) { moveTo(member, nodes[i]); member.link.cut(); }
    }
    await traffic(() => [driver], value + 1, value + 20);
    await check(members, value + 20);
    assert.ok(members.every((member) => member.losses >= 2));
    end(members);
    driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });
});
