// Thousands return at once, and more come than there are descriptors for: those who are connected go on undisturbed.
'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { until } = require('./harness.js');
const { Program, freePort, untilAnswers, sleep, figure, bin, command } = require('./deployment.js');
const { RawClient } = require('./raw.js');

const now = () => performance.now();
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
/** Debian 12 has Node 18, whose arrays cannot give a sorted copy. */
const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * q))];

/** The application that answers echoes, which the chat does not. */
function startNode(port, options) {
  return new Program(`node ${port}`, path.join(bin, 'socketio-conformance-server'),
    ['--app', 'bench', '--port', String(port)], options);
}

/** Calls echo again and again, and keeps how long each took. */
function listen(client, times) {
  const loop = (async () => {
    while (client.isUp && !client.isDone) {
      const time = await client.echo();
      if (time !== null) times.push({ at: now(), time });
      await sleep(20);
    }
  })();
  return async () => { client.isDone = true; await loop; };
}

test('up to 5,000 clients of a node that dies return at once', { timeout: 240000 }, async () => {
  // The balancer needs two for each client, and this process one.
  const allowed = Number(execFileSync('/bin/sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' })) || 1e6;
  const most = Math.min(5000, Math.floor((allowed - 500) / 2.2));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'socketio-storm-'));
  const programs = [];
  const clients = new Set();
  try {
    const ports = [await freePort(), await freePort(), await freePort()];
    const port = await freePort();
    const settings = path.join(folder, 'settings.yaml');
    fs.writeFileSync(settings, 'health:\n  readyPath: /health\n');
    const file = path.join(folder, 'haproxy.cfg');
    fs.writeFileSync(file, execFileSync(command, ['proxy-config', 'haproxy', '--listen', `127.0.0.1:${port}`,
      '--config', settings, ...ports.flatMap((port, i) => ['--node', `n00${i + 1}=127.0.0.1:${port}`])]));
    const start = async (i) => {
      programs[i] = startNode(ports[i]);
      await untilAnswers(ports[i], '/health', programs[i]);
    };
    // As long as the first node is alone, everybody is there.
    await start(0);
    programs[3] = new Program('haproxy', '/usr/sbin/haproxy', ['-db', '-f', file]);
    await untilAnswers(port, '/health', programs[3]);
    await until(() => /n003 is DOWN/.test(programs[3].output) && /n002 is DOWN/.test(programs[3].output), 'two are down', 60000);

    let isStorm = false;
    let up = 0;
    const waits = [];
    const attempts = { all: 0, failed: 0 };
    const connect = (since) => {
      attempts.all++;
      const began = now();
      const client = new RawClient(port, async () => {
        clients.delete(client);
        if (client.isStopped) return;
        if (client.wasUp) {
          up--;
          if (isStorm) connect(now());
        } else {
          attempts.failed++;
          // As the stock client, who waits before it tries again.
          await sleep(500 + 1000 * Math.random());
          if (!isStopped) connect(since ?? began);
        }
      });
      clients.add(client);
      client.up.then((isUp) => {
        if (!isUp) return;
        client.wasUp = true;
        up++;
        waits.push(now() - (since ?? began));
      });
      return client.up;
    };
    let isStopped = false;
    const first = now();
    let count = 0;
    // A machine that is busy, or a server built for debugging, gets a storm of its size.
    while (count < most && (count < 1000 || now() - first < 12000)) {
      const some = Math.min(100, most - count);
      count += some;
      await Promise.all(Array.from({ length: some }, () => connect()));
    }
    await until(() => up === count, 'all are connected', 120000);
    const filling = now() - first;

    await Promise.all([start(1), start(2)]);
    await until(() => /n003 is UP/.test(programs[3].output) && /n002 is UP/.test(programs[3].output), 'two are up', 60000);
    const settled = Array.from({ length: 20 }, () => new RawClient(port));
    for (const client of settled) clients.add(client);
    assert.ok((await Promise.all(settled.map((client) => client.up))).every(Boolean));
    const times = [];
    const hush = settled.map((client) => listen(client, times));
    await sleep(1000);

    isStorm = true;
    waits.length = 0;
    Object.assign(attempts, { all: 0, failed: 0 });
    const killed = now();
    programs[0].kill('SIGKILL');
    await programs[0].end();
    await until(() => up === count && waits.length >= count, 'all are back', 120000);
    const back = now() - killed;
    await Promise.all(hush.map((stop) => stop()));
    isStopped = true;
    const calm = times.filter(({ at }) => at < killed).map(({ time }) => time);
    const stormy = times.filter(({ at }) => at >= killed).map(({ time }) => time);
    figure(`storm: ${count} clients connected in ${seconds(filling)}; after the death of their node all were back in ${seconds(back)} `
      + `(half after ${seconds(quantile(waits, 0.5))}, 99 % after ${seconds(quantile(waits, 0.99))}; ${attempts.failed} of ${attempts.all} `
      + 'attempts failed)');
    figure(`storm: echo of those who stayed, before: p50 ${calm.length && quantile(calm, 0.5).toFixed(1)} ms, p99 `
      + `${calm.length && quantile(calm, 0.99).toFixed(1)} ms; during: p50 ${quantile(stormy, 0.5).toFixed(1)} ms, p99 `
      + `${quantile(stormy, 0.99).toFixed(1)} ms`);
    assert.ok(settled.every((client) => client.isUp), 'nobody who was connected is disturbed');
    assert.ok(back < 90000);
  } finally {
    for (const client of clients) {
      client.isStopped = true;
      client.close();
    }
    for (const program of programs) program?.kill('SIGKILL');
    await Promise.all(programs.map((program) => program?.exited));
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('a node without descriptors left keeps whom it has, and recovers', { timeout: 120000 }, async () => {
  const port = await freePort();
  const node = startNode(port, { limit: 128 });
  const clients = [];
  try {
    await node.says(/listening/);
    const first = Array.from({ length: 20 }, () => new RawClient(port));
    clients.push(...first);
    assert.ok((await Promise.all(first.map((client) => client.up))).every(Boolean));
    // More than there is room for. Eight descriptors and a sixteenth of them are left to others, and clients who find no room are refused.
    const crowd = Array.from({ length: 180 }, () => new RawClient(port));
    clients.push(...crowd);
    await until(() => fs.readdirSync(`/proc/${node.child.pid}/fd`).length >= 110, 'all descriptors for clients are used', 30000);
    for (const client of first) assert.ok(await client.echo() !== null, 'whoever is connected is served');
    assert.ok(crowd.some((client) => !client.isUp));
    // Half of those who are in leave, so that as many others get in.
    const lucky = crowd.filter((client) => client.isUp);
    for (const client of lucky) client.close();
    const late = new RawClient(port);
    clients.push(late);
    await until(() => late.isUp || crowd.every((client) => client.isUp || lucky.includes(client) || client.socket.destroyed),
      'those who waited get in', 60000);
    for (const client of crowd) client.close();
    await until(() => fs.readdirSync(`/proc/${node.child.pid}/fd`).length < 60, 'descriptors are free again', 30000);
    const again = new RawClient(port);
    clients.push(again);
    assert.equal(await again.up, true, 'newcomers are welcome again');
    for (const client of first) assert.ok(await client.echo() !== null);
    figure(`descriptors: ${lucky.length + first.length} of 200 clients fitted into 128 descriptors; nobody of them noticed the others`);
    node.kill('SIGTERM');
    assert.equal(await node.end(), 0);
  } finally {
    for (const client of clients) client.close();
    node.kill('SIGKILL');
    await node.exited;
  }
});
