// Rooms with a history: the official client joins, comes back, and changes between nodes, under numbered traffic.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { io, startServer, connect, next, until, ways } = require('./harness.js');
const { startRedis } = require('./redis.js');
const { startLink } = require('./link.js');

const call = async (socket, ...args) => {
  const { err, res } = await socket.timeout(15000).emitWithAck(...args);
  assert.equal(err, null);
  return res;
};
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A member as the guide has it: it keeps the newest position and sends it when it connects again. */
function follow(url, room, options = {}, since = null) {
  const member = { seen: [], positions: [], replays: [], losses: 0, since };
  member.socket = io(url, {
    forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options,
    auth: (send) => send({ replay: room, since: member.since }),
  });
  member.socket.on('n', (value, position) => {
    member.seen.push(value);
    member.positions.push(position);
    member.since = position;
  });
  member.socket.on('replayed', (replay) => member.replays.push(replay));
  member.socket.on('disconnect', () => { member.losses += 1; });
  return member;
}

/** Has numbers kept, one after the other. */
async function keep(driver, room, from, to, ms = 0) {
  for (let value = from; value <= to; value++) {
    await call(driver(), 'keep', room, 'n', [value]);
    if (ms) await pause(ms);
  }
}

async function check(member, from, to, first = from) {
  await until(() => member.seen.at(-1) === to, `number ${to}`, 20000).catch(() => {});
  assert.deepEqual(member.seen, numbers(from, to), `after ${member.losses} losses`);
  // One history: every number has the same place for everyone.
  const places = member.positions.map((position) => position.split('-'));
  assert.deepEqual(places.map(([, number]) => Number(number)), numbers(first, first + to - from));
  assert.equal(new Set(places.map(([epoch]) => epoch)).size, 1);
}

for (const [way, options] of Object.entries(ways)) {
  describe(`durable rooms, ${way}`, { timeout: 60000 }, () => {
    let server, driver;
    before(async () => {
      server = await startServer('mixed', { args: ['--durable', '--event-loops', '2'] });
      driver = await connect(server, '', { transports: ['websocket'] });
    });
    after(async () => {
      driver.disconnect();
      assert.equal(await server.stop(), 0);
    });

    test('those who join under traffic get history and live events, without a gap or a double', async () => {
      const total = 300;
      const members = [follow(server.url, 'r', options)];
      const traffic = keep(() => driver, 'r', 1, total);
      for (let i = 0; i < 11; i++) {
        await pause(15);
        members.push(follow(server.url, 'r', options));
      }
      await traffic;
      for (const member of members) await check(member, 1, total);
      for (const member of members) member.socket.disconnect();
    });

    test('a replay begins after a position, so many events before the end, or at the beginning', async () => {
      await keep(() => driver, 'counts', 1, 20);
      const all = follow(server.url, 'counts', options);
      await check(all, 1, 20);
      const some = follow(server.url, 'counts', options, 5);
      const after = follow(server.url, 'counts', options, all.positions[11]);
      const none = follow(server.url, 'counts', options, 0);
      for (const member of [some, after, none]) await until(() => member.replays.length === 1, 'the replay');
      await keep(() => driver, 'counts', 21, 22);
      await check(some, 16, 22);
      await check(after, 13, 22);
      await check(none, 21, 22);
      const newest = all.positions[19];
      assert.deepEqual(
        [all, some, after, none].map((member) => member.replays),
        [20, 5, 8, 0].map((events) => [{ events, complete: true, position: newest }]));
      // Of another history, and of the future: everything, and the application learns it.
      for (const strange of ['Other1-3', `${newest.split('-')[0]}-1000`]) {
        const member = follow(server.url, 'counts', options, strange);
        await check(member, 1, 22);
        await until(() => member.replays.length === 1, 'the replay');
        assert.equal(member.replays[0].complete, false);
        member.socket.disconnect();
      }
      for (const member of [all, some, after, none]) member.socket.disconnect();
    });

    test('earlier events are read page by page, in both directions', async () => {
      await keep(() => driver, 'pages', 1, 25);
      const reader = await connect(server, '', options);
      let [seen, before, pages] = [[], undefined, 0];
      for (;;) {
        const page = await call(reader, 'history', 'pages', { limit: 10, before });
        seen = [...page.events.map(([, event, [value]]) => { assert.equal(event, 'n'); return value; }), ...seen];
        [before] = page.events[0];
        pages += 1;
        if (!page.more) break;
      }
      assert.deepEqual([seen, pages], [numbers(1, 25), 3]);
      let after = before;
      seen = [1];
      for (;;) {
        const page = await call(reader, 'history', 'pages', { limit: 7, after });
        assert.equal(page.complete, true);
        seen.push(...page.events.map(([, , [value]]) => value));
        if (!page.more) break;
        after = page.events.at(-1)[0];
      }
      assert.deepEqual(seen, numbers(1, 25));
      reader.disconnect();
    });

    test('binary data comes live and in replays', async () => {
      const live = follow(server.url, 'binary', options);
      await until(() => live.replays.length === 1, 'the replay');
      const got = next(live.socket, 'b');
      await call(driver, 'keep', 'binary', 'b', [Buffer.from([0, 1, 255]), { deep: [Buffer.from('x')] }]);
      const late = follow(server.url, 'binary', options);
      for (const [one, two, position] of [await got, await next(late.socket, 'b')]) {
        assert.deepEqual([...new Uint8Array(one)], [0, 1, 255]);
        assert.deepEqual([...new Uint8Array(two.deep[0])], [120]);
        assert.match(position, /^[A-Za-z0-9]{6}-1$/);
      }
      for (const member of [live, late]) member.socket.disconnect();
    });
  });
}

describe('durable rooms of several nodes', { timeout: 120000 }, () => {
  let redis;
  let number = 0;
  const started = [];
  before(async () => { redis = await startRedis({ more: ['--appendonly', 'yes'] }); });
  after(async () => {
    for (const node of started) await node.stop('SIGKILL').catch(() => {});
    await redis.stop();
  });

  async function startCluster(count, adapter, more = []) {
    const key = `durable-${number++}`;
    const nodes = await Promise.all(Array.from({ length: count }, (_, i) => startServer('mixed', {
      args: ['--adapter', adapter, '--redis', redis.url, '--key', key, '--name', `node-${i}`, '--durable', '--event-loops', '2',
        ...more],
    })));
    started.push(...nodes);
    return nodes;
  }

  /** Members whose links lead to one node after the other. */
  async function join(nodes, count, options = [ways.websocket, ways.upgrade]) {
    return Promise.all(Array.from({ length: count }, async (_, i) => {
      const node = nodes[i % nodes.length];
      const link = await startLink(node.port);
      return Object.assign(follow(link.url, 'r', options[i % options.length]), { link, node });
    }));
  }

  const end = (members) => { for (const { socket, link } of members) { socket.disconnect(); link.close(); } };

  for (const [adapter, more] of [['redis', []], ['sharded', []], ['streams', []], ['streams', ['--recovery']]]) {
    test(`${[adapter, ...more].join(' ')}: links are cut, and clients return to the other node each time`, async () => {
      // The official client whose link is cut in the middle of an upgrade never asks again: its polling stays paused. It stands
      // still until its ping times out, and comes back then.
      const nodes = await startCluster(2, adapter, [...more, '--ping', '1500', '--ping-timeout', '1500']);
      const drivers = await Promise.all(nodes.map((node) => connect(node)));
      const members = await join(nodes, 6);
      let turn = 0;
      const traffic = keep(() => drivers[turn++ % 2], 'r', 1, 400, 3);
      let isOver = false;
      traffic.finally(() => { isOver = true; });
      let cuts = 0;
      while (!isOver) {
        await pause(40);
        const member = members[cuts++ % members.length];
        member.node = nodes[(nodes.indexOf(member.node) + 1) % 2];
        member.link.port = member.node.port;
        member.link.cut();
      }
      await traffic;
      const late = await join(nodes, 2);
      for (const member of [...members, ...late]) await check(member, 1, 400);
      assert.ok(cuts >= 20, `${cuts} cuts`);
      end([...members, ...late]);
      for (const driver of drivers) driver.disconnect();
      for (const node of nodes) assert.equal(await node.stop(), 0);
    });
  }

  test('a node is killed: its members go on at another one, with everything that anybody sent', async () => {
    const nodes = await startCluster(3, 'redis');
    const members = await join(nodes, 9);
    const driver = await connect(nodes[0]);
    const dying = await connect(nodes[2]);
    await keep(() => dying, 'r', 1, 20);
    // What the dying node had kept is not lost either; the last one may have been kept or not.
    let kept = 20;
    const own = (async () => {
      for (let value = 21; ; value++) {
        await call(dying, 'keep', 'r', 'n', [value]);
        kept = value;
      }
    })().catch(() => {});
    await until(() => kept >= 60, 'events of the node that dies', 20000);
    const orphans = members.filter((member) => member.node === nodes[2]);
    for (const member of orphans) member.link.port = nodes[1].port;
    await nodes[2].stop('SIGKILL').catch(() => {});
    dying.disconnect();
    await Promise.race([own, pause(100)]);
    const page = await call(driver, 'history', 'r', { limit: 1000 });
    const sent = page.events.map(([, , [value]]) => value);
    assert.deepEqual(sent, numbers(1, sent.length));
    assert.ok(sent.length === kept || sent.length === kept + 1, `${sent.length} of ${kept}`);
    await keep(() => driver, 'r', sent.length + 1, sent.length + 100);
    const late = await join(nodes.slice(0, 2), 3);
    for (const member of [...members, ...late]) await check(member, 1, sent.length + 100);
    assert.ok(orphans.every((member) => member.losses >= 1));
    end([...members, ...late]);
    driver.disconnect();
    for (const node of nodes.slice(0, 2)) assert.equal(await node.stop(), 0);
  });

  test('Redis is killed and comes back: nothing that was kept is missing', async () => {
    const nodes = await startCluster(2, 'redis');
    const members = await join(nodes, 6);
    const driver = await connect(nodes[0]);
    await keep(() => driver, 'r', 1, 20);
    let [value, failures] = [20, 0];
    await redis.restart(1500, async () => {
      // An event whose answer was lost may have been kept: the next number is sent only when that is known.
      while (value < 60) {
        const { err } = await driver.timeout(20000).emitWithAck('keep', 'r', 'n', [value + 1]);
        if (err === null) { value += 1; continue; }
        failures += 1;
        const page = await driver.timeout(20000).emitWithAck('history', 'r', { limit: 1 });
        if (page.err === null && page.res.events.at(-1)[2][0] === value + 1) value += 1;
      }
    });
    await keep(() => driver, 'r', 61, 80);
    for (const member of members) await check(member, 1, 80);
    end(members);
    driver.disconnect();
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });
});
