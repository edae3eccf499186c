// The faults, one after the other. Each case sets the cluster up, breaks something, and tells what the people noticed;
// `t.expect` notes what did not hold; times that were promised are multiplied by `t.slack`.
'use strict';

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { until } = require('../../EndToEndTests/node/harness.js');
const { Deployment, Program, freePort, request, untilAnswers, sleep, command } = require('../../EndToEndTests/node/deployment.js');
const { startRedis } = require('../../EndToEndTests/node/redis.js');
const { gather, audit, now } = require('../../EndToEndTests/node/crowd.js');
const { FaultyLink } = require('./proxy.js');
const { Traffic, ways } = require('./traffic.js');

const isLong = process.env.FAULTS_LONG === 'yes';
const operations = ['--operations-port', '0'];

const cli = (port, ...words) => execFileSync('redis-cli', ['-p', String(port), ...words], { encoding: 'utf8' });

/**
 * Three nodes over one Redis with numbered traffic at all of them. With `link`, the third node reaches Redis through a
 * `FaultyLink`. `body` breaks something and may return figures; what the people noticed is added to them.
 */
async function underTraffic(t, { flags = [], link: wantsLink = false, redisArguments = [], ...options }, body) {
  const redis = await startRedis({ port: await freePort(), more: redisArguments });
  const scene = { redis };
  try {
    if (wantsLink) scene.link = await FaultyLink.to(redis.port);
    const deployment = await Deployment.start(null, {
      redis, flags: [...operations, ...flags], ...options,
      redisURL: (tag) => (scene.link && tag === 'n003' ? `redis://127.0.0.1:${scene.link.port}` : redis.url),
    });
    scene.deployment = deployment;
    scene.traffic = await Traffic.start([...deployment.places.keys()].map((tag) => [tag, deployment.address(tag)]));
    await sleep(1000);
    const figures = await body(scene) ?? {};
    await scene.traffic.finish(figures.calm);
    return await summary(t, scene, figures);
  } finally {
    scene.traffic?.close();
    await scene.deployment?.stop();
    await scene.redis.stop();
    await scene.link?.close();
  }
}

/** What people noticed, and what holds after every fault: nothing twice, nothing out of order, nothing missing on a node itself. */
async function summary(t, { traffic, deployment }, { moment, healed = moment, during, since, ...more }) {
  const result = traffic.result(since);
  t.expect(result.owed > 0, 'there was something to hear');
  t.expect(result.doubled === 0, `${result.doubled} messages came twice`);
  t.expect(result.disordered === 0, `${result.disordered} messages came out of order`);
  t.expect(result.lostHere === 0, `${result.lostHere} messages to people on the same node were lost`);
  t.expect(result.moved === 0, `${result.moved} clients lost their connection`);
  // Each message is owed to three people on each of two other nodes.
  const total = async (name) => Object.values(await deployment.counts(name)).reduce((sum, value) => sum + value, 0);
  let counted = 0;
  for (const name of ['missed', 'unconfirmed', 'dropped', 'lost']) counted += await total(`socketio_adapter_${name}_total`);
  t.expect(result.lost <= counted * 6, `${result.lost} deliveries were lost, ${counted} messages counted as such`);
  if (during) {
    const [before, meanwhile] = [traffic.localDelay(traffic.began, during[0] - 500), traffic.localDelay(...during)];
    t.expect(meanwhile <= Math.max(10 * t.slack, 2 * before),
      `deliveries on the same node took up to ${meanwhile.toFixed(1)} ms, ${before.toFixed(1)} ms before`);
    more.note = `on the same node at most ${meanwhile.toFixed(1)} ms, ${before.toFixed(1)} ms before`;
  }
  return {
    ...result, gap: traffic.longestGap(moment && moment - 200),
    recovery: healed === undefined ? undefined : traffic.recovery(healed), ...more,
  };
}

/** People behind HAProxy who talk; `body` breaks something. Losses of those who were away are not owed to them. */
async function behindBalancer(t, options, count, every, body) {
  const deployment = await Deployment.start('haproxy', { ...options, flags: [...operations, ...options.flags ?? []] });
  const people = [];
  const scene = { deployment, people };
  try {
    people.push(...await gather(deployment.url, count, (i) => ways[i % ways.length]));
    scene.homes = new Map(people.map((person) => [person.name, person.tag]));
    for (const person of people) person.talk(every);
    await until(() => people.every((person) => person.said.length > 5), 'the talk', 60000);
    const figures = await body(scene) ?? {};
    for (const person of people) person.hush();
    await sleep(1500);
    const found = audit(people);
    t.expect(found.owed > 0, 'there was something to hear');
    t.expect(found.lost.length === 0, `lost: ${found.lost.slice(0, 5).join(', ')}`);
    t.expect(found.doubled === 0, `${found.doubled} messages came twice`);
    t.expect(found.disordered === 0, `${found.disordered} messages came out of order`);
    return { owed: found.owed, lost: found.lost.length, doubled: found.doubled, disordered: found.disordered, ...figures };
  } finally {
    for (const person of people) person.leave();
    await deployment.stop();
  }
}

const isBack = (people) => until(() => people.every((person) => person.isIn && person.stays.length > 1), 'all are back', 60000);
const residentBytes = (program) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${program.child.pid}/status`, 'utf8'))[1]) * 1024;

/** Runs the tests of a file of `node/` by name, and returns what they measured. */
async function testsOf(t, file, pattern) {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`,
    path.join(__dirname, '../../EndToEndTests/node', file)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => { output += data; });
  const [code] = await once(child, 'close');
  t.expect(code === 0 && /^# pass [1-9]/m.test(output), `${file}: ${pattern}: ${output.slice(-600)}`);
  return { note: [...output.matchAll(/figure: (.*)/g)].map(([, text]) => text).join('; ') };
}

const cases = [
  {
    id: 'F0', fault: 'none', promise: 'nothing lost',
    run: (t) => underTraffic(t, {}, async () => { await sleep(isLong ? 60000 : 8000); }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
  {
    id: 'F1', fault: 'Redis closes the subscriptions of all nodes', promise: 'back within 50 ms; losses counted', ms: 50,
    run: (t) => underTraffic(t, {}, async ({ redis }) => {
      const moment = now();
      cli(redis.port, 'client', 'kill', 'type', 'pubsub');
      await sleep(3000);
      return { moment };
    }),
  },
  {
    id: 'F2', fault: 'Redis closes the publishing connections, three times', promise: 'nothing lost',
    run: (t) => underTraffic(t, {}, async ({ redis }) => {
      const moment = now();
      for (let i = 0; i < 3; i++) {
        cli(redis.port, 'client', 'kill', 'type', 'normal');
        await sleep(1000);
      }
      return { moment };
    }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
  {
    id: 'F3', fault: 'Redis stands still for 2 s', promise: 'nothing lost, local delivery goes on',
    run: (t) => underTraffic(t, {}, async ({ redis, traffic }) => {
      const moment = now();
      process.kill(redis.pid, 'SIGSTOP');
      await sleep(2000);
      process.kill(redis.pid, 'SIGCONT');
      const healed = now();
      await sleep(3000);
      return { moment, healed, during: [moment, healed], calm: 3000 };
    }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
  {
    id: 'F4', fault: 'Redis is killed and back after 2 s', promise: 'back within 250 ms; losses counted; degraded, not dead', ms: 250,
    run: (t) => underTraffic(t, {}, async (scene) => {
      const moment = now();
      await scene.redis.stop();
      await sleep(1500);
      const ready = await request(scene.deployment.places.get('n001'), '/readyz');
      t.expect(ready.status === 200 && ready.text.includes('degraded'), `/readyz says ${ready.status} ${ready.text}`);
      await sleep(500);
      scene.redis = await startRedis({ port: scene.redis.port });
      const healed = now();
      await sleep(5000);
      return { moment, healed, during: [moment, healed], calm: 3000 };
    }),
  },
  {
    id: 'F5', fault: 'Redis is absent at the start', promise: 'serves its own, joins when Redis comes',
    run: async (t) => {
      const port = await freePort();
      const absent = { port, url: `redis://127.0.0.1:${port}`, stop: async () => {} };
      const scene = { redis: absent };
      try {
        scene.deployment = await Deployment.start(null, { redis: absent, flags: operations, meet: false });
        scene.traffic = await Traffic.start([...scene.deployment.places.keys()].map((tag) => [tag, scene.deployment.address(tag)]));
        await sleep(2000);
        const heard = scene.traffic.people.every((person, i) => i % ways.length === 0 || person.heard.length > 0);
        t.expect(heard, 'everybody hears the person of their own node');
        scene.redis = await startRedis({ port });
        const healed = now();
        await scene.deployment.knowEachOther();
        await sleep(500);
        // Nodes that have not met owe each other nothing.
        const since = now();
        await sleep(3000);
        await scene.traffic.finish(3000);
        return await summary(t, scene, { healed, since });
      } finally {
        scene.traffic?.close();
        await scene.deployment?.stop();
        await scene.redis.stop();
      }
    },
  },
  {
    id: 'F6', fault: `Redis is gone for ${isLong ? '10 min' : '20 s'} under load, 64 KiB may wait`, promise: 'memory bounded, losses counted',
    run: (t) => underTraffic(t, { flags: ['--redis-outage-queue-bytes', '65536'] }, async (scene) => {
      const nodes = [...scene.deployment.nodes.values()];
      const moment = now();
      await scene.redis.stop();
      await sleep(5000);
      const before = nodes.map(residentBytes);
      await sleep(isLong ? 600000 : 15000);
      const growth = Math.max(...nodes.map((node, i) => residentBytes(node) - before[i]));
      t.expect(growth < 16 << 20, `the memory of a node grew by ${growth >> 20} MiB`);
      const dropped = Object.values(await scene.deployment.counts('socketio_adapter_dropped_total')).reduce((a, b) => a + b, 0);
      t.expect(dropped > 0, 'what had no room is counted');
      scene.redis = await startRedis({ port: scene.redis.port });
      const healed = now();
      await sleep(8000);
      return { moment, healed, calm: 3000, note: `memory +${(growth / 1048576).toFixed(1)} MiB, ${dropped} messages dropped` };
    }),
  },
  {
    id: 'F7', fault: 'the primary dies, sentinels name another', promise: 'back within 1 s of the vote', ms: 1000,
    run: withSentinels,
  },
  { id: 'F8', fault: 'Redis Cluster: a primary dies, a slot moves', missing: 'Redis Cluster is not supported yet (docs/cluster.md)' },
  {
    id: 'F9', fault: 'Redis cuts a node that reads too slowly', promise: 'as F1, and the log names the cause',
    run: (t) => underTraffic(t, {
      link: true, redisArguments: ['--client-output-buffer-limit', 'pubsub 8mb 8mb 1'],
      flags: ['--redis-peer-timeout-ms', '30000'],
    }, async ({ redis, link, deployment }) => {
      const moment = now();
      link.set({ hold: 'down' });
      // Nobody is in that room, so that nodes which read drop it at once.
      const ballast = Buffer.alloc(1_500_000, 'x');
      const subscribers = () => cli(redis.port, 'client', 'list', 'type', 'pubsub').trim().split('\n').length;
      const all = subscribers();
      for (let i = 0; i < 500 && subscribers() === all; i++) {
        execFileSync('redis-cli', ['-p', String(redis.port), '-x', 'publish', 'socket.io#/#nobody#'], { input: ballast });
        await sleep(20);
      }
      t.expect(subscribers() < all, 'Redis has cut the node');
      link.set({ hold: null });
      const healed = now();
      await sleep(5000);
      const log = deployment.nodes.get('n003').output;
      t.expect(/client-output-buffer-limit pubsub/.test(log), 'the log names client-output-buffer-limit');
      return { moment, healed };
    }),
  },
  {
    id: 'F10', fault: 'a node is killed', promise: 'its clients are back within 1.5 s, nobody else notices', ms: 1500,
    run: (t) => behindBalancer(t, {}, 9, 40, async ({ deployment, people, homes }) => {
      const victims = people.filter((person) => homes.get(person.name) === 'n001');
      const others = people.filter((person) => !victims.includes(person));
      t.expect(victims.length > 0, 'somebody is on the node');
      const moment = now();
      deployment.nodes.get('n001').kill('SIGKILL');
      await isBack(victims);
      await sleep(1000);
      t.expect(others.every((person) => person.stays.length === 1), 'the others keep their connections');
      return { recovery: Math.max(...victims.map((person) => person.stays[1].from - moment)) };
    }),
  },
  {
    id: 'F11', fault: 'a node gets SIGTERM', promise: '503 first, then a drain, exit code 0, nothing lost that was confirmed',
    run: (t) => behindBalancer(t, { flags: ['--drain-window-ms', '1500'] }, 9, 40, async ({ deployment, people, homes }) => {
      const victims = people.filter((person) => homes.get(person.name) === 'n001');
      const node = deployment.nodes.get('n001');
      const moment = now();
      node.kill('SIGTERM');
      await untilAnswers(deployment.places.get('n001'), '/readyz', node, 503, 3000);
      t.expect(await node.end() === 0, 'the exit code is 0');
      const ended = now() - moment;
      await isBack(victims);
      return { recovery: Math.max(...victims.map((person) => person.stays[1].from - moment)), note: `ended after ${Math.round(ended)} ms` };
    }),
  },
  {
    id: 'F12', fault: 'all nodes are replaced, one after the other', promise: 'every client is back, nothing is lost for those who are connected',
    run: (t) => behindBalancer(t, { flags: ['--drain-window-ms', '1500'] }, 9, 150, async ({ deployment, people }) => {
      for (const tag of [...deployment.nodes.keys()]) {
        const node = deployment.nodes.get(tag);
        node.kill('SIGTERM');
        t.expect(await node.end() === 0, `${tag} ends with 0`);
        const fresh = await deployment.startNode(tag);
        await untilAnswers(deployment.places.get(tag), '/readyz', fresh);
        await until(() => people.every((person) => person.isIn), 'everybody is back', 60000);
      }
      const away = people.flatMap((person) => person.stays.slice(1).map(({ from }, i) => from - person.stays[i].to));
      return { recovery: Math.max(...away), note: `${away.length} returns` };
    }),
  },
  {
    id: 'F13', fault: 'the link of one node to Redis is silent for 3 s', promise: 'back within 1 s after it; local delivery goes on', ms: 1000,
    run: (t) => underTraffic(t, { link: true }, async ({ link }) => {
      const moment = now();
      link.set({ hold: 'both' });
      await sleep(3000);
      link.set({ hold: null });
      const healed = now();
      await sleep(5000);
      return { moment, healed, calm: 3000 };
    }),
  },
  ...['up', 'down'].map((hold) => ({
    id: hold === 'up' ? 'F14a' : 'F14b', fault: `one direction of that link is silent for 8 s: ${hold === 'up' ? 'to' : 'from'} Redis`,
    promise: 'no wedge, losses counted',
    run: (t) => underTraffic(t, { link: true }, async ({ link }) => {
      const moment = now();
      link.set({ hold });
      await sleep(8000);
      link.set({ hold: null });
      const healed = now();
      await sleep(8000);
      return { moment, healed, calm: 3000 };
    }),
  })),
  {
    id: 'F14c', fault: 'that link is 200 ms late', promise: 'nothing lost',
    run: (t) => underTraffic(t, { link: true }, async ({ link }) => {
      link.set({ delay: 200 });
      await sleep(5000);
    }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
  {
    id: 'F14d', fault: 'that link dribbles, one byte at a time', promise: 'nothing lost',
    run: (t) => underTraffic(t, { link: true }, async ({ link }) => {
      link.set({ dribble: true });
      await sleep(4000);
      link.set({ dribble: false });
      return { calm: 4000 };
    }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
  {
    id: 'F14e', fault: 'one of 100 reads on that link ends in a reset', promise: 'no wedge, losses counted',
    run: (t) => underTraffic(t, { link: true }, async ({ link }) => {
      const moment = now();
      link.set({ resetsOneOf: 100 });
      await sleep(6000);
      link.set({ resetsOneOf: 0 });
      const healed = now();
      await sleep(4000);
      return { moment, healed, calm: 3000 };
    }),
  },
  {
    id: 'F15', fault: 'the balancer is killed and started', promise: 'all clients are back within 2 s', ms: 2000,
    run: (t) => behindBalancer(t, {}, 9, 40, async ({ deployment, people }) => {
      const moment = now();
      deployment.balancer.kill('SIGKILL');
      await deployment.balancer.end();
      await deployment.startBalancer(null);
      await isBack(people);
      return { recovery: Math.max(...people.map((person) => person.stays[1].from - moment)) };
    }),
  },
  { id: 'F16', fault: 'links of clients flap ten times', promise: 'one session each, no ghosts', run: (t) => testsOf(t, 'faults.test.js', 'that break again') },
  { id: 'F17', fault: '5,000 clients return at once', promise: 'all back within 10 s, nobody else dropped', run: (t) => testsOf(t, 'storm.test.js', 'return at once') },
  { id: 'F18', fault: 'the clock of a node jumps by an hour, forth and back', promise: 'nobody is disconnected, nothing lost', run: withClock },
  { id: 'F19a', fault: 'descriptors are used up', promise: 'new clients refused, old ones served, recovers', run: (t) => testsOf(t, 'storm.test.js', 'without descriptors') },
  { id: 'F19b', fault: 'the disk of the log is full', promise: 'clients are served', run: withFullDisk },
  {
    id: 'F20', fault: `${isLong ? '30 min' : '30 s'} of coming, joining, talking, leaving`, promise: 'memory and descriptors stay',
    run: (t) => underTraffic(t, {}, async ({ deployment }) => {
      const node = deployment.nodes.get('n001');
      const open = () => fs.readdirSync(`/proc/${node.child.pid}/fd`).length;
      const churn = async (until, name) => {
        for (let i = 0; now() < until; i++) {
          const guests = await gather(deployment.address('n001'), 5, (i) => ({ ...ways[i % 3], reconnection: false }), `${name}${i}-`);
          await guests[0].say();
          for (const guest of guests) guest.leave();
        }
      };
      const length = isLong ? 1800000 : 30000;
      await churn(now() + length / 3, 'a');
      await sleep(1000);
      const [memory, descriptors] = [residentBytes(node), open()];
      await churn(now() + 2 * length / 3, 'b');
      await sleep(1000);
      const growth = residentBytes(node) / memory - 1;
      t.expect(growth < 0.05, `memory grew by ${(100 * growth).toFixed(1)} %`);
      t.expect(open() <= descriptors + 2, `${open()} descriptors, ${descriptors} before`);
      return { note: `memory ${(100 * growth).toFixed(1)} %, descriptors ${descriptors} to ${open()}` };
    }),
    then: (t, figures) => t.expect(figures.lost === 0, `${figures.lost} lost`),
  },
];

/** A primary, a replica and three sentinels; the primary is killed. */
async function withSentinels(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'socketio-sentinels-'));
  const programs = [];
  const scene = {};
  try {
    const [primary, replica] = [await freePort(), await freePort()];
    for (const [port, more] of [[primary, []], [replica, ['--replicaof', `127.0.0.1 ${primary}`]]]) {
      programs.push(new Program('redis', '/usr/bin/redis-server',
        ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--dbfilename', `${port}.rdb`, ...more]));
      await programs.at(-1).says(/Ready to accept connections/);
    }
    await programs[1].says(/sync: Finished with success/);
    const sentinels = [];
    for (let i = 0; i < 3; i++) {
      const port = await freePort();
      const file = path.join(folder, `sentinel-${i}.conf`);
      fs.writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${primary} 2\n`
        + 'sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n');
      programs.push(new Program('sentinel', '/usr/bin/redis-server', [file, '--sentinel']));
      await programs.at(-1).says(/\+monitor/);
      sentinels.push(port);
    }
    const named = () => cli(sentinels[0], 'sentinel', 'get-master-addr-by-name', 'main').split('\n')[1];
    await until(() => /OK/.test(cli(sentinels[0], 'sentinel', 'ckquorum', 'main'))
      && cli(sentinels[0], 'sentinel', 'replicas', 'main').includes(String(replica)), 'the sentinels are ready', 30000);
    const url = `redis+sentinel://${sentinels.map((port) => `127.0.0.1:${port}`).join(',')}/main`;
    scene.deployment = await Deployment.start(null, { redis: { url, stop: async () => {} }, flags: operations });
    scene.traffic = await Traffic.start([...scene.deployment.places.keys()].map((tag) => [tag, scene.deployment.address(tag)]));
    await sleep(1000);
    const moment = now();
    programs[0].kill('SIGKILL');
    await until(() => named() === String(replica), 'the vote', 30000);
    const healed = now();
    await sleep(5000);
    await scene.traffic.finish(3000);
    return { ...await summary(t, scene, { moment, healed }), note: `vote after ${((healed - moment) / 1000).toFixed(1)} s` };
  } finally {
    scene.traffic?.close();
    await scene.deployment?.stop();
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map((program) => program.exited));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The wall clock of one node jumps; monotonic clocks never do, so the library is told to leave those alone. */
async function withClock(t) {
  const library = ['x86_64', 'aarch64'].map((name) => `/usr/lib/${name}-linux-gnu/faketime/libfaketime.so.1`).find(fs.existsSync);
  if (!library) throw new Error('libfaketime is not installed');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'socketio-clock-'));
  const file = path.join(folder, 'offset');
  fs.writeFileSync(file, '+0');
  const fake = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  try {
    return await underTraffic(t, {
      flags: ['--ping-interval-ms', '500', '--ping-timeout-ms', '1500'],
      environment: (tag) => (tag === 'n001' ? fake : {}),
    }, async ({ deployment }) => {
      const moment = now();
      const date = async () => Date.parse((await request(deployment.places.get('n001'), '/healthz')).headers.date);
      for (const offset of ['+3600', '-3600', '+0']) {
        fs.writeFileSync(file, offset);
        await sleep(3000);
        t.expect(Math.abs(await date() - Date.now() - Number(offset) * 1000) < 60000, `the node's clock is off by ${offset} s`);
      }
      return { moment };
    });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A node whose log can not be written. */
async function withFullDisk(t) {
  const port = await freePort();
  const node = new Program('node', '/bin/sh', ['-c', 'exec "$0" "$@" >/dev/full 2>/dev/full', command, 'run', '--host', '127.0.0.1',
    '--port', String(port), '--client-enabled=false', '--log-level', 'debug', '--log-access', 'requests']);
  const people = [];
  try {
    await untilAnswers(port, '/healthz', node);
    people.push(...await gather(`http://127.0.0.1:${port}`, 6, (i) => ways[i % ways.length]));
    for (const person of people) person.talk(20);
    await sleep(3000);
    for (const person of people) person.hush();
    await sleep(1000);
    const found = audit(people);
    t.expect(found.owed > 0 && found.lost.length === 0, `${found.lost.length} of ${found.owed} lost`);
    return { owed: found.owed, lost: found.lost.length, doubled: found.doubled, disordered: found.disordered };
  } finally {
    for (const person of people) person.leave();
    node.kill('SIGKILL');
    await node.exited;
  }
}

module.exports = { cases };
