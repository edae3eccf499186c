// Long-polling with the official client over three nodes, behind HAProxy and nginx, in every way to stay on a node and without
// any: sessions live, and what is said in a room arrives once and in order at everybody.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { until } = require('./harness.js');
const { Deployment, request, untilAnswers, figure } = require('./deployment.js');
const { Browser } = require('./browsers.js');
const { Person, now } = require('./crowd.js');

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const products = ['haproxy', 'nginx'];
const forwarded = 'socketio_forwarded_requests_total';
const polling = { transports: ['polling'] };

/** What somebody would write who has never heard of sessions; with `cookie`, HAProxy makes one. */
const plain = {
  haproxy: (deployment, cookie = false) => `
global
    maxconn 4000
defaults
    mode http
    option forwardfor
    option redispatch
    timeout connect 5s
    timeout check 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend all
    bind 127.0.0.1:${deployment.port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /readyz
${cookie ? '    cookie NODE insert indirect nocache' : ''}
${[...deployment.places].map(([tag, port]) => `    server ${tag} 127.0.0.1:${port} check inter 500ms fall 2 rise 1`
    + (cookie ? ` cookie of-${tag}` : '')).join('\n')}
`,
  nginx: (deployment) => `
worker_processes 1;
error_log stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream nodes {
${[...deployment.places.values()].map((port) => `        server 127.0.0.1:${port} max_fails=1 fail_timeout=1s;`).join('\n')}
    }
    server {
        listen 127.0.0.1:${deployment.port};
        location / {
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_read_timeout 60s;
            proxy_next_upstream error http_503;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
    }
}
`,
};
const roundRobin = (product) => (_, deployment) => plain[product](deployment);

/** People with browsers of their own, in rooms of `size`, who all say `messages` numbered messages if they are `speakers`. */
class Crowd {
  static number = 0;
  /** How many people have left so far. */
  static left = 0;

  static async gather(url, count, { size = 25, from = () => undefined, options = polling } = {}) {
    const crowd = new Crowd();
    const prefix = `c${Crowd.number++}-`;
    crowd.browsers = Array.from({ length: count }, (_, i) => new Browser({ from: from(i) }));
    crowd.people = crowd.browsers.map((browser, i) => new Person(url, `${prefix}${i}`,
      { ...options, ...browser.options, room: `${prefix}room ${Math.floor(i / size)}` }));
    try {
      await until(() => crowd.people.every((person) => person.isIn), `${count} people are in`, 100000);
    } catch (error) {
      const out = crowd.people.filter((person) => !person.isIn);
      crowd.leave();
      throw new Error(`${error.message}; not ${out.length}: ${out.flatMap((person) => person.failures).slice(0, 5)}`);
    }
    crowd.ids = crowd.people.map((person) => person.socket.io.engine.id);
    return crowd;
  }

  get tags() { return [...new Set(this.people.map((person) => person.tag))].sort(); }

  /** In every room the first `speakers` say `messages` each, which all others there hear once and in order. */
  async talk(speakers, messages) {
    const rooms = new Map();
    for (const person of this.people) {
      person.heard.length = 0;
      rooms.set(person.room, [...rooms.get(person.room) ?? [], person]);
    }
    const expected = new Map();
    await Promise.all([...rooms.values()].flatMap((room) => {
      const talkers = room.slice(0, speakers);
      for (const person of room) expected.set(person, talkers.filter((other) => other !== person));
      return talkers.map(async (person) => {
        person.said.length = 0;
        person.number = 0;
        for (let i = 0; i < messages; i++) await person.say();
        assert.equal(person.said.length, messages, `${person.name} got every acknowledgement`);
      });
    }));
    await until(() => this.people.every((person) => person.heard.length >= expected.get(person).length * messages),
      'everybody has heard everything', 60000);
    // One more exchange with each, behind which nothing of before is left.
    for (const person of this.people) assert.equal(await person.socket.timeout(60000).emitWithAck('leave', 'nowhere'), true);
    let deliveries = 0;
    const numbers = Array.from({ length: messages }, (_, i) => i);
    for (const [person, talkers] of expected) {
      for (const other of talkers) {
        const heard = person.heard.filter(({ from }) => from === other.name).map(({ number }) => number);
        assert.deepEqual(heard, numbers, `${person.name} of ${other.name}`);
      }
      assert.equal(person.heard.length, talkers.length * messages);
      deliveries += person.heard.length;
    }
    return deliveries;
  }

  /** Nobody had to come back, and everybody is on this transport. */
  expectUndisturbed(transport = 'polling') {
    assert.deepEqual(this.people.flatMap((person) => person.failures), []);
    for (const person of this.people) assert.equal(person.stays.length, 1, `${person.name}: ${person.reason}`);
    assert.deepEqual(this.people.map((person) => person.socket.io.engine.id), this.ids);
    for (const person of this.people) assert.equal(person.socket.io.engine.transport.name, transport);
  }

  leave() {
    Crowd.left += this.people.length;
    for (const person of this.people) person.leave();
    for (const browser of this.browsers) browser.close();
  }
}

/** 16 and 200 sessions by polling. */
function expectSessions(name, deployment, { prepare = () => {}, from, nodes = ['n001', 'n002', 'n003'], check = () => {} }) {
  for (const [count, speakers, messages] of [[16, 16, 3], [200, 5, 4]]) {
    test(`${name}: ${count} polling sessions live`, { timeout: 200000 }, async () => {
      if (count === 16) await prepare();
      const start = now();
      const crowd = await Crowd.gather(deployment().url, count, { from });
      try {
        const entered = now() - start;
        if (nodes) assert.deepEqual(crowd.tags, nodes);
        const deliveries = await crowd.talk(speakers, messages);
        crowd.expectUndisturbed();
        await check(crowd);
        figure(`${name}: ${count} polling sessions were in rooms after ${seconds(entered)}, ${deliveries} messages heard once and in `
          + `order, all live after ${seconds(now() - start)}`);
      } finally {
        crowd.leave();
      }
    });
  }
}

const forwardedBy = async (deployment) => Object.values(await deployment.counts(forwarded)).reduce((sum, count) => sum + count, 0);
const flags = ['--operations-port', '0'];
let dealt;
let kept;
before(async () => {
  [dealt, kept] = await Promise.all([
    // HAProxy keeps connections to the nodes for five seconds, as do the nodes: they have to be the longer.
    Deployment.start('haproxy', { flags: [...flags, '--limits-keep-alive-timeout-ms', '75000', '--drain-window-ms', '1500',
      '--shutdown-timeout-ms', '60000'], balancing: roundRobin('haproxy') }),
    Deployment.start('haproxy', { flags: [...flags, '--cookie-mode', 'tag'] }),
  ]);
}, { timeout: 120000 });
after(() => Promise.all([dealt?.stop(), kept?.stop()]));

describe('round robin', () => {
  const expectForwarding = async () => {
    const { 'result="answered"': answered, 'result="tunnelled"': tunnelled, 'result="abandoned"': abandoned, ...failures }
      = await dealt.counts(forwarded);
    assert.ok(answered > 100, `${answered} were forwarded`);
    // People of earlier tests, who left while a poll was held.
    assert.ok((abandoned ?? 0) <= Crowd.left);
    for (const [reason, count] of Object.entries(failures)) assert.equal(count, 0, reason);
    return tunnelled ?? 0;
  };

  for (const product of products) {
    expectSessions(`${product}, round robin`, () => dealt, {
      prepare: () => dealt.rebalance(product, { balancing: roundRobin(product) }),
      check: expectForwarding,
    });

    test(`${product}, round robin: 16 clients upgrade`, { timeout: 120000 }, async () => {
      const before = await expectForwarding();
      const crowd = await Crowd.gather(dealt.url, 16, { options: { transports: ['polling', 'websocket'] } });
      try {
        await until(() => crowd.people.every((person) => person.socket.io.engine.transport.name === 'websocket'), 'upgrades', 60000);
        await crowd.talk(16, 3);
        crowd.expectUndisturbed('websocket');
        const tunnels = await expectForwarding() - before;
        assert.ok(tunnels > 0, 'some came through another node');
        figure(`${product}, round robin: 16 clients upgraded, ${tunnels} of them through another node`);
      } finally {
        crowd.leave();
      }
    });
  }
});

describe('stickiness', () => {
  let carried = 0;
  // No node goes away here, and a balancer that gives one up because the machine is busy would send its sessions to others: so it
  // is patient.
  const patient = (text) => text.replace(/\bfall \d+/g, 'fall 600').replace(/\bmax_fails=\d+/g, 'max_fails=0');
  const prepare = async (product, options = {}) => {
    const { balancing = (text) => text } = options;
    await kept.rebalance(product, { ...options, balancing: (text, deployment) => patient(balancing(text, deployment)) });
    carried = await forwardedBy(kept);
  };
  /** Not one request came to the wrong node. */
  const expectNoForwarding = async () => {
    assert.doesNotMatch(kept.balancer.output, / is DOWN/);
    assert.equal(await forwardedBy(kept), carried);
  };
  for (const product of products) {
    expectSessions(`${product}, tag in the session id`, () => kept, {
      prepare: () => prepare(product), check: expectNoForwarding });

    expectSessions(`${product}, cookie of the nodes`, () => kept, {
      prepare: () => prepare(product, { sticky: 'cookie' }),
      async check({ browsers, people }) {
        assert.deepEqual(browsers.map(({ cookies }) => cookies.get('io')), people.map(({ tag }) => tag));
        await expectNoForwarding();
      },
    });

    expectSessions(`${product}, address of the client`, () => kept, {
      prepare: () => prepare(product, { sticky: 'source' }),
      // nginx looks at the first three numbers.
      from: (i) => `127.1.${i + 1}.1`,
      // Who shares a node with whom is a matter of chance.
      nodes: null,
      async check({ tags }) {
        assert.ok(tags.length > 1, `${tags}`);
        await expectNoForwarding();
      },
    });
  }

  expectSessions('haproxy, cookie of its own', () => kept, {
    prepare: () => prepare('haproxy', { balancing: (_, deployment) => plain.haproxy(deployment, true) }),
    async check({ browsers, people }) {
      assert.deepEqual(browsers.map(({ cookies }) => cookies.get('NODE')), people.map(({ tag }) => `of-${tag}`));
      await expectNoForwarding();
    },
  });
});

describe('afterwards', () => {
  const warning = /Many requests reach the wrong node.*/;

  test('the log names the remedy where requests are dealt out in turn, and there alone', { timeout: 90000 }, async () => {
    for (const node of dealt.nodes.values()) {
      const [line] = await node.says(warning, 70000);
      assert.match(line, /'socketio-server proxy-config' prints how/);
      const share = Number(/percent=(\d+)/.exec(line)[1]);
      assert.ok(share > 10 && share <= 100, line);
    }
    assert.equal(await forwardedBy(kept), 0);
    for (const node of kept.nodes.values()) assert.doesNotMatch(node.output, warning);
  });

  for (const product of products) {
    test(`${product}, round robin: all nodes are replaced, one after the other`, { timeout: 180000 }, async () => {
      await dealt.rebalance(product, { balancing: roundRobin(product) });
      const crowd = await Crowd.gather(dealt.url, 16);
      try {
        const start = now();
        let bystanders = 0;
        for (const tag of [...dealt.nodes.keys()]) {
          const others = crowd.people.filter((person) => person.tag !== tag).map((person) => [person, person.socket.io.engine.id]);
          const node = dealt.nodes.get(tag);
          node.kill('SIGTERM');
          assert.equal(await node.end(90000), 0, `${tag}: ${node.output}`);
          const fresh = await dealt.startNode(tag);
          await untilAnswers(dealt.places.get(tag), '/readyz', fresh);
          await until(() => crowd.people.every((person) => person.isIn && person.socket.connected), 'everybody is back', 60000);
          bystanders += others.filter(([person, id]) => person.socket.io.engine.id !== id).length;
        }
        await crowd.talk(16, 3);
        const returns = crowd.people.reduce((sum, person) => sum + person.stays.length - 1, 0);
        figure(`${product}, round robin: three nodes replaced in ${seconds(now() - start)}, each ended with 0; ${returns} returns of `
          + `${crowd.people.length} people, ${bystanders} of them from nodes that stayed; all are back`);
        for (const person of crowd.people) assert.ok(person.stays.length > 1, 'everybody had to move');
        // nginx does not ask who is ready, and sends requests to a node until its listener has gone; a POST that meets the end of a
        // kept connection gets 502, which is not repeated.
        if (product === 'haproxy') assert.equal(bystanders, 0, 'who is on another node notices nothing');
      } finally {
        crowd.leave();
      }
    });
  }
});
