// Nodes and balancers die, restart and drain, while people with the official client talk. Bounds are for a busy machine;
// the lines that begin with "figure:" say what it was.
'use strict';

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { until } = require('./harness.js');
const { Deployment, request, untilAnswers, sleep, figure, freePort } = require('./deployment.js');
const { Person, gather, audit, now } = require('./crowd.js');

/** Polling only, WebSocket only, and first one then the other, as clients do by default. */
const ways = [{ transports: ['websocket'] }, { transports: ['polling'] }, {}];
const way = (i) => ways[i % ways.length];
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** Runs `body` with a deployment, which ends with it. */
async function deployed(product, options, body) {
  const deployment = await Deployment.start(product, options);
  const people = [];
  try {
    await body(deployment, people);
  } finally {
    for (const person of people) person.leave();
    await deployment.stop();
  }
}

function expectAllHeard(people, what) {
  const result = audit(people);
  figure(`${what}: ${result.confirmed} messages confirmed, ${result.owed} deliveries owed, ${result.lost.length} lost, `
    + `${result.doubled} doubled, ${result.disordered} out of order; ${result.atTheEdge} to people who left within ${Math.ceil(result.edge)} ms`);
  assert.deepEqual(result.lost, []);
  assert.equal(result.doubled, 0);
  assert.equal(result.disordered, 0);
  assert.ok(result.owed > people.length, 'there was something to hear');
}

/** The people whom a person is told to be in the lobby. */
async function present(person) {
  const place = await person.socket.timeout(20000).emitWithAck('join', 'lobby').catch(() => null);
  return place?.people ?? [];
}

for (const product of ['haproxy', 'nginx']) {
  describe(product, () => {
    test('a node is killed', { timeout: 120000 }, () => deployed(product, {}, async (deployment, people) => {
      people.push(...await gather(deployment.url, 9, way));
      const dead = 'n001';
      const victims = people.filter((person) => person.tag === dead);
      const others = people.filter((person) => person.tag !== dead);
      assert.ok(victims.length > 0 && others.length > 0);
      // One who does not come back must not stay on the lists either.
      const ghost = victims[0];
      ghost.socket.io.reconnection(false);
      for (const person of others) person.talk(40);
      await until(() => others.every((person) => person.said.length > 10), 'the talk', 60000);
      const killed = now();
      deployment.nodes.get(dead).kill('SIGKILL');
      const back = victims.slice(1);
      const names = people.filter((person) => person !== ghost).map((person) => person.name).sort();
      let right;
      for (const end = now() + 60000; now() < end && !right;) {
        const people = await present(others[0]);
        if (JSON.stringify(people) === JSON.stringify(names)) right = now();
        await sleep(20);
      }
      assert.ok(right, `the list is right again, not ${await present(others[0])}`);
      await until(() => back.every((person) => person.isIn && person.stays.length > 1), 'all are back', 60000);
      for (const person of back) assert.notEqual(person.tag, dead);
      for (const person of others) person.hush();
      await sleep(1500);
      const connected = Math.max(0, ...back.map((person) => person.stays.at(-1).from - killed));
      const gap = Math.max(...others.flatMap((person) => person.heard.slice(1)
        .map(({ at }, i) => at - person.heard[i].at).filter((_, i) => person.heard[i].at > killed - 500)));
      figure(`${product}, node killed: ${back.length} of its people were in again after ${seconds(connected)}; the list was right after `
        + `${seconds(right - killed)}; longest silence at the others ${seconds(gap)}`);
      expectAllHeard(others, `${product}, node killed, the others`);
      for (const person of others) assert.equal(person.stays.length, 1, 'the others notice nothing');
      assert.ok(connected < 20000 && right - killed < 20000 && gap < 10000);
    }));

    test('all nodes are replaced, one after the other, while people talk', { timeout: 240000 }, () => deployed(product,
      { flags: ['--drain-window-ms', '1500', '--shutdown-timeout-ms', '60000'] }, async (deployment, people) => {
        people.push(...await gather(deployment.url, 9, way));
        for (const person of people) person.talk(150);
        await until(() => people.every((person) => person.said.length > 3), 'the talk', 60000);
        const ends = [];
        for (const tag of [...deployment.nodes.keys()]) {
          const node = deployment.nodes.get(tag);
          const told = now();
          node.kill('SIGTERM');
          assert.equal(await node.end(90000), 0, `${tag}: ${node.output}`);
          ends.push(now() - told);
          assert.match(node.output, /closing clients=0/);
          const fresh = await deployment.startNode(tag);
          await untilAnswers(deployment.places.get(tag), '/readyz', fresh);
          await until(() => people.every((person) => person.isIn), 'everybody is back', 60000);
        }
        for (const person of people) person.hush();
        await sleep(1500);
        const away = people.flatMap((person) => person.stays.slice(1).map(({ from }, i) => from - person.stays[i].to));
        figure(`${product}, rolling restart: each node ended with 0 after ${ends.map(seconds).join(', ')}; ${away.length} returns, `
          + `the longest after ${seconds(Math.max(...away))}`);
        expectAllHeard(people, `${product}, rolling restart`);
        assert.deepEqual(await present(people[0]), people.map((person) => person.name).sort());
        for (const person of people) assert.ok(person.stays.length > 1, 'everybody had to move');
      }));

    test('the balancer is killed and starts again', { timeout: 120000 }, () => deployed(product, {}, async (deployment, people) => {
      people.push(...await gather(deployment.url, 9, way));
      // A session without a client that would start anew.
      const open = await request(deployment.port, '/socket.io/?EIO=4&transport=polling');
      const { sid } = JSON.parse(open.text.slice(1));
      const target = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
      const killed = now();
      deployment.balancer.kill('SIGKILL');
      await deployment.balancer.end();
      await deployment.startBalancer(null);
      // The new balancer has no table and needs none.
      await untilAnswers(deployment.port, '/healthz', deployment.balancer);
      assert.equal((await request(deployment.port, target, { method: 'POST', body: '40{"name":"left over"}' })).status, 200);
      assert.match((await request(deployment.port, target)).text, /^40\{"sid":/);
      await request(deployment.port, target, { method: 'POST', body: '1' });
      await until(() => people.every((person) => person.isIn && person.stays.length > 1), 'all are back', 60000);
      const back = Math.max(...people.map((person) => person.stays.at(-1).from - killed));
      figure(`${product}, balancer killed and started: all ${people.length} people were in again after ${seconds(back)}`);
      assert.ok(back < 20000);
      people[0].say();
      await until(() => people.slice(1).every((person) => person.heard.some(({ from }) => from === people[0].name)), 'a word', 20000);
    }));
  });
}

describe('links', () => {
  test('that break again and again leave one session each', { timeout: 120000 }, () => deployed('haproxy',
    { flags: ['--ping-interval-ms', '1000', '--ping-timeout-ms', '4000'] }, async (deployment, people) => {
      // Between the people and the balancer, so that it can be cut.
      const links = new Set();
      const cable = net.createServer((near) => {
        const far = net.connect(deployment.port, '127.0.0.1');
        for (const [side, other] of [[near, far], [far, near]]) {
          links.add(side);
          side.on('error', () => {}).on('close', () => { links.delete(side); other.destroy(); });
        }
        near.pipe(far).pipe(near);
      });
      const port = await freePort();
      await new Promise((resolve) => cable.listen(port, '127.0.0.1', resolve));
      try {
        people.push(...await gather(`http://127.0.0.1:${port}`, 6,
          (i) => ({ ...way(i), reconnectionDelay: 100, reconnectionDelayMax: 300 })));
        const cut = () => { for (const side of links) side.destroy(); };
        for (let i = 0; i < 10; i++) {
          cut();
          await sleep(500 + 100 * (i % 3));
        }
        await until(() => people.every((person) => person.isIn), 'all are back', 60000);
        const calm = now();
        let ids;
        for (const end = now() + 60000; now() < end;) {
          ids = (await deployment.sockets()).map((socket) => socket.id).sort();
          if (ids.length === people.length) break;
          await sleep(100);
        }
        assert.deepEqual(ids, people.map((person) => person.socket.id).sort(), 'one session each, no ghosts');
        assert.deepEqual(await present(people[0]), people.map((person) => person.name).sort());
        const returns = people.reduce((sum, person) => sum + person.stays.length - 1, 0);
        figure(`flapping links: ${returns} returns of ${people.length} people; no ghosts ${seconds(now() - calm)} after the last`);
      } finally {
        for (const person of people) person.leave();
        for (const side of links) side.destroy();
        await new Promise((resolve) => cable.close(resolve));
      }
    }));
});
