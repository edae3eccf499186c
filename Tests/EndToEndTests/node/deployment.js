// A whole deployment from real parts: socketio-server nodes with the chat over a real Redis, behind HAProxy or nginx with
// the configuration that `proxy-config` prints.
'use strict';

const { spawn, execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { startRedis } = require('./redis.js');
const { deadline } = require('./harness.js');

const root = path.resolve(__dirname, '../../..');
const bin = path.resolve(process.env.E2E_BIN);
const command = path.join(bin, 'socketio-server');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything that runs, so that nothing outlives this process however it ends. */
const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** A program with all its output; `limit` is the hard limit of its descriptors. */
class Program {
  constructor(name, file, args, { env = {}, limit } = {}) {
    this.name = name;
    this.output = '';
    const words = ['/bin/sh', '-c', `ulimit -n ${limit ?? '$(ulimit -H -n)'} && exec "$0" "$@"`, file, ...args];
    this.child = spawn(words[0], words.slice(1),
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '/usr/sbin:/usr/bin:/bin', ...env }, cwd: root });
    running.add(this.child);
    this.exited = once(this.child, 'exit').then(([code, signal]) => { running.delete(this.child); return code ?? signal; });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => { this.output += data; });
  }

  get runs() { return this.child.exitCode === null && this.child.signalCode === null; }
  kill(signal) { if (this.runs) this.child.kill(signal); }
  /** The exit code, or the name of the signal. */
  async end(ms = 60000) { return Promise.race([this.exited, deadline(ms, `the end of ${this.name}: ${this.output}`)]); }

  async says(pattern, ms = 60000) {
    const end = Date.now() + ms;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (!this.runs || Date.now() > end) throw new Error(`${this.name} does not say ${pattern}:\n${this.output}`);
      await sleep(10);
    }
  }
}

/** A port that nothing uses, below those that outgoing connections get, so that it can be used again after a restart. */
async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const server = net.createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** One request with everything of its answer; `from` is the address of this machine to connect from. */
function request(port, target, { method = 'GET', body, headers = {}, from, ms = 20000 } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: target, method, headers, localAddress: from, agent: false, timeout: ms };
    const call = http.request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => { text += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer to ${method} ${target} within ${ms} ms`)));
    call.on('error', reject);
    call.end(body);
  });
}

async function untilAnswers(port, target, program, status = 200, ms = 60000) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await request(port, target, { ms: 2000 }).catch(() => null);
    if (answer?.status === status) return;
    if (!program.runs || Date.now() > end) throw new Error(`${program.name} does not answer ${target}:\n${program.output}`);
    await sleep(20);
  }
}

class Deployment {
  /**
   * `product` haproxy, nginx, or null for no balancer; `config` settings all nodes share, `flags` more of them; `balancing`
   * gets the printed configuration and the deployment, and may return another one. `redis` is one that runs already, and
   * `redisURL` tells a node by its tag where to find it. Without `meet` nobody waits until the nodes
   * have found each other.
   */
  static async start(product, {
    nodes = 3, flags = [], config = 'config/cluster.yaml', balancing = (text) => text, redis, redisURL, limit,
    environment, meet = true,
  } = {}) {
    const deployment = new Deployment();
    Object.assign(deployment, {
      product, flags, config, balancing, redis, limit, environment, sticky: 'sid', nodes: new Map(), places: new Map(),
      redisURL: redisURL ?? (() => deployment.redis.url),
    });
    deployment.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'socketio-deployment-'));
    try {
      deployment.redis ??= await startRedis();
      for (let i = 1; i <= nodes; i++) deployment.places.set(`n00${i}`, await freePort());
      await Promise.all([...deployment.places.keys()].map((tag) => deployment.startNode(tag)));
      if (meet) await deployment.knowEachOther();
      if (!product) return deployment;
      deployment.port = await freePort();
      deployment.url = `http://127.0.0.1:${deployment.port}`;
      await deployment.startBalancer();
      // HAProxy looks at each node once before it counts as down or up for good.
      return deployment;
    } catch (error) {
      await deployment.stop();
      throw error;
    }
  }

  async startNode(tag) {
    const node = new Program(tag, command, [
      'run', '--config', this.config, '--host', '127.0.0.1', '--port', String(this.places.get(tag)), '--node-tag', tag,
      '--event-loops', '1', '--trusted-proxies', '127.0.0.1', '--client-enabled=false', ...this.flags,
    ], { env: { SOCKETIO_REDIS_URL: this.redisURL(tag), ...this.environment?.(tag) }, limit: this.limit });
    this.nodes.set(tag, node);
    await node.says(/ listening /);
    return node;
  }

  async knowEachOther() {
    const all = this.nodes.size;
    if (all === 1) return;
    await Promise.all([...this.nodes.values()].map((node) => node.says(new RegExp(`a node has joined.* nodes=${all}\\b`))));
  }

  /** Where a node listens. */
  address(tag) { return `http://127.0.0.1:${this.places.get(tag)}`; }

  /** What the balancer runs with. */
  configuration() {
    const nodes = [...this.places].flatMap(([tag, port]) => ['--node', `${tag}=127.0.0.1:${port}`]);
    return this.balancing(execFileSync(command,
      ['proxy-config', this.product, ...nodes, '--listen', `127.0.0.1:${this.port}`, '--config', path.join(root, this.config),
        '--sticky', this.sticky],
      { encoding: 'utf8' }), this);
  }

  /** Starts the balancer, also again on the same port. */
  async startBalancer(ready = '/readyz') {
    const file = path.join(this.folder, 'balancer.conf');
    fs.writeFileSync(file, this.configuration());
    this.balancer = this.product === 'haproxy'
      ? new Program('haproxy', '/usr/sbin/haproxy', ['-db', '-f', file])
      // One process, so that ending it leaves none behind.
      : new Program('nginx', '/usr/sbin/nginx',
        ['-c', file, '-g', `daemon off; master_process off; pid ${this.folder}/pid;`]);
    if (ready) await untilAnswers(this.port, ready, this.balancer);
  }

  /** Puts another balancer in front of the same nodes. */
  async rebalance(product, { sticky = 'sid', balancing = (text) => text } = {}) {
    this.balancer.kill('SIGKILL');
    await this.balancer.end();
    Object.assign(this, { product, sticky, balancing, port: await freePort() });
    this.url = `http://127.0.0.1:${this.port}`;
    await this.startBalancer();
  }

  /** A metric that is counted, by its labels, summed up over all nodes; they need a listener for operations. */
  async counts(metric) {
    const sums = {};
    for (const node of this.nodes.values()) {
      const [, port] = await node.says(/opsPort=(\d+)/);
      const { text } = await request(Number(port), '/metrics');
      for (const [, labels, value] of text.matchAll(new RegExp(`^${metric}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))) {
        sums[labels ?? ''] = (sums[labels ?? ''] ?? 0) + Number(value);
      }
    }
    return sums;
  }

  /** The handshakes of all sockets in a namespace on all nodes, asked as another server of the cluster would. */
  async sockets(nsp = '/') {
    const reply = spawn('redis-cli', ['-u', this.redis.url, '--csv', 'subscribe', `socket.io-response#${nsp}#`],
      { stdio: ['ignore', 'pipe', 'ignore'] });
    running.add(reply);
    let output = '';
    reply.stdout.on('data', (data) => { output += data; });
    try {
      while (!output.includes('"subscribe"')) await sleep(10);
      const question = { uid: 'test', requestId: `q${Date.now()}`, type: 5, opts: { rooms: [], except: [] } };
      execFileSync('redis-cli', ['-u', this.redis.url, 'publish', `socket.io-request#${nsp}#`, JSON.stringify(question)]);
      const alive = [...this.nodes.values()].filter((node) => node.runs).length;
      const end = Date.now() + 20000;
      for (;;) {
        const answers = output.split('\n').slice(0, -1).filter((line) => line.startsWith('"message"'))
          .map((line) => JSON.parse(JSON.parse(`[${line.replaceAll('\\x', '\\u00')}]`)[2]))
          .filter((answer) => answer.requestId === question.requestId);
        if (answers.length >= alive) return answers.flatMap((answer) => answer.sockets);
        if (Date.now() > end) throw new Error(`${answers.length} of ${alive} nodes answered: ${output}`);
        await sleep(10);
      }
    } finally {
      reply.kill('SIGKILL');
      await once(reply, 'exit');
      running.delete(reply);
    }
  }

  async stop() {
    const programs = [this.balancer, ...this.nodes.values()].filter(Boolean);
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map((program) => program.exited));
    await this.redis?.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the run of the tests shows: `figure: …`. */
function figure(text) { console.log(`figure: ${text}`); }

module.exports = { Deployment, Program, freePort, request, untilAnswers, sleep, figure, bin, command, root };
