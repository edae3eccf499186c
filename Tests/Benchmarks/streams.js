// What a broadcast from one node to another costs over Redis streams, ours beside Node's own servers; docs/performance.md has the figures.
//
//     SOCKETIO_NODE_MODULES=… node Tests/Benchmarks/streams.js .build/release [--rounds 3] [--seconds 4] [--in-flight 1,64,1000] [--details]
//
// The folder has the release builds of socketio-conformance-server and measure. Two servers of each kind share one redis-server. A client of
// the first server sends messages of 200 characters to a room whose members are all on the second one, and every member must get each message
// once and in order. CPU time is that of both processes with all their threads, as /proc has it. After that nodes without clients: what
// publishing and hearing take. Servers are on the first processor, Redis and the clients on the second one.
'use strict';

const { spawn, execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { parseArgs } = require('node:util');

const SIZE = 200;
const WARM_UP_SECONDS = 1;
const MEMBERS = [1, 10, 100];
const PUBLISHED = 300_000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const shown = (value, digits = 2) => value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

// MARK: A node of Node without clients: the same as `measure redis-speed --streams`, but each end a process

async function runEnd(end, url) {
  const load = (name) => require(path.resolve(process.env.SOCKETIO_NODE_MODULES, name));
  const client = load('redis').createClient({ url });
  client.on('error', (error) => { throw error; });
  await client.connect();
  // The reader may be behind the writer for a while.
  const adapter = load('@socket.io/redis-streams-adapter')
    .createAdapter(client, { streamName: 'ends', channelPrefix: 'ends', maxLen: 1_000_000 });
  const io = new (load('socket.io').Server)({ adapter, serveClient: false });
  const main = io.of('/').adapter;
  let received = 0;
  const { onMessage } = main;
  main.onMessage = function (message, offset) { received += 1; return onMessage.call(this, message, offset); };
  const processorTime = () => { const { user, system } = process.cpuUsage(); return user + system; };

  const text = 'x'.repeat(SIZE);
  const publish = (count) => Promise.all(Array.from({ length: 4 }, async () => {
    for (let i = 0; i < count / 4000; i++) {
      for (let j = 0; j < 1000; j++) io.emit('msg', text);
      // Answered after everything sent before it.
      await main.serverCount();
    }
  }));
  const work = {
    publish: async (count) => {
      const start = processorTime();
      await publish(count);
      return processorTime() - start;
    },
    /** From now until nothing more arrives. */
    mark: () => { work.start = processorTime(); received = 0; },
    heard: async () => {
      for (let last = -1; last !== received; await wait(400)) last = received;
      return { microseconds: processorTime() - work.start, received };
    },
  };
  process.on('message', async ([name, ...args]) => process.send(await work[name](...args) ?? 'done'));
  process.send('up');
}

async function measureEnds(place, url) {
  const ends = await Promise.all(['publish', 'hear'].map(async (end) => {
    const [command, ...args] = [...place, process.execPath, __filename, '--end', end, url];
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    running.add(child);
    await once(child, 'message');
    return { child, ask: async (...words) => { child.send(words); return (await once(child, 'message'))[0]; } };
  }));
  const [publisher, hearer] = ends;
  await wait(1000);
  await publisher.ask('publish', 40_000);
  await hearer.ask('heard');
  await hearer.ask('mark');
  const microseconds = await publisher.ask('publish', PUBLISHED);
  const heard = await hearer.ask('heard');
  for (const { child } of ends) { child.kill('SIGKILL'); await once(child, 'exit'); running.delete(child); }
  // Its own heartbeats are among them.
  if (heard.received < PUBLISHED) throw new Error(`${heard.received} of ${PUBLISHED} messages were heard`);
  return { publish: microseconds / PUBLISHED, hear: heard.microseconds / PUBLISHED };
}

/** Ours, from the program that measures it: processor time of the event loops. */
function measureOurEnds(place, bin, url) {
  const [command, ...args] = [...place, path.join(bin, 'measure'), 'redis-speed', '--streams', '--redis', url, '--count', String(PUBLISHED)];
  const text = execFileSync(command, args, { encoding: 'utf8' });
  const of = (what) => Number(new RegExp(`^${what}\\t.*CPU ([0-9.]+) us`, 'm').exec(text)[1]);
  return { publish: of('publish'), hear: of('receive') };
}

// MARK: Processes

const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

async function startServer(place, kind, bin, url) {
  const program = kind === 'ours' ? [path.join(bin, 'socketio-conformance-server')]
    : [process.execPath, path.join(__dirname, '../EndToEndTests/node/official.js')];
  const [command, ...args] = [...place, ...program, '--app', 'bench', '--port', '0', '--adapter', 'streams', '--redis', url, '--key', kind];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const match = /^listening (\d+)$/.exec(line);
    if (match) return { child, pid: child.pid, port: Number(match[1]) };
  }
  throw new Error(`a server (${kind}) did not start`);
}

async function startRedis(place) {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  const [command, ...args] = [...place, 'redis-server', '--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no',
    '--dir', os.tmpdir()];
  const child = spawn(command, args, { stdio: 'ignore' });
  running.add(child);
  for (let i = 0; i < 200; i++) {
    const isUp = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
    });
    if (isUp) return { pid: child.pid, url: `redis://127.0.0.1:${port}` };
    await wait(50);
  }
  throw new Error('redis-server did not start');
}

/** Microseconds of processor time that a process has used. */
const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
function used(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks * 1e6;
}

// MARK: Clients

/** A text frame with a mask of zeros. */
function frame(text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0])
    : Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, body]);
}

const DIGITS = 9;
const PREFIX = '42["msg","'.length;

class Client {
  constructor(port) {
    this.received = 0;
    this.rest = Buffer.alloc(0);
    this.isUpgraded = false;
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.write(`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\n`
      + 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('close', () => { if (!this.isEnding) throw new Error('a client lost its connection'); });
    this.up = new Promise((resolve) => { this.cameUp = resolve; });
    this.joined = new Promise((resolve) => { this.hasJoined = resolve; });
  }

  read(data) {
    let rest = this.rest.length ? Buffer.concat([this.rest, data]) : data;
    if (!this.isUpgraded) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) { this.rest = rest; return; }
      this.isUpgraded = true;
      rest = rest.subarray(end + 4);
    }
    let at = 0;
    const before = this.received;
    while (rest.length >= at + 2) {
      let [length, head] = [rest[at + 1], 2];
      if (length === 126) {
        if (rest.length < at + 4) break;
        [length, head] = [rest.readUInt16BE(at + 2), 4];
      }
      if (rest.length < at + head + length) break;
      this.packet(rest, at + head, length);
      at += head + length;
    }
    this.rest = rest.subarray(at);
    if (this.received > before) this.arrived?.(this.received - before);
  }

  packet(data, at, length) {
    if (length > SIZE && data[at] === 0x34 && data[at + 1] === 0x32) {
      let number = 0;
      for (let i = at + PREFIX; i < at + PREFIX + DIGITS; i++) number = number * 10 + data[i] - 48;
      if (number !== this.received) throw new Error(`message ${number} where ${this.received} should be`);
      this.received += 1;
    } else if (data[at] === 0x32) this.socket.write(frame('3'));
    else if (data[at] === 0x30) this.socket.write(frame('40'));
    else if (data[at] === 0x34 && data[at + 1] === 0x30) this.cameUp();
    else if (data[at] === 0x34 && data[at + 1] === 0x33) this.hasJoined();
  }

  end() { this.isEnding = true; this.socket.destroy(); }
}

async function run([publisher, hearer], redis, room, count, { seconds, inFlight }) {
  const client = new Client(publisher.port);
  const members = Array.from({ length: count }, () => new Client(hearer.port));
  await Promise.all([client, ...members].map((each) => each.up));
  for (const member of members) member.socket.write(frame(`420["join","${room}"]`));
  await Promise.all(members.map((member) => member.joined));

  const template = frame(`42["msg","${room}","${'0'.repeat(DIGITS)}${'x'.repeat(SIZE - DIGITS)}"]`);
  const place = template.indexOf('0'.repeat(DIGITS));
  let [sent, arrived, isEnding] = [0, 0, false];
  function send() {
    const free = isEnding ? 0 : Math.floor((inFlight * count - (sent * count - arrived)) / count);
    if (free <= 0) return;
    const buffers = [];
    for (let i = 0; i < free; i++) {
      const buffer = Buffer.from(template);
      buffer.write(String(sent).padStart(DIGITS, '0'), place, 'latin1');
      buffers.push(buffer);
      sent += 1;
    }
    client.socket.write(Buffer.concat(buffers));
  }
  for (const member of members) member.arrived = (number) => { arrived += number; send(); };
  const now = () => ({ time: performance.now(), arrived, publisher: used(publisher.pid), hearer: used(hearer.pid), redis: used(redis.pid) });
  send();
  await wait(WARM_UP_SECONDS * 1000);
  const before = now();
  await wait(seconds * 1000);
  const after = now();
  isEnding = true;
  for (let i = 0; arrived < sent * count; i++) {
    if (i > 1000) throw new Error(`${sent * count - arrived} of ${sent * count} deliveries did not arrive`);
    await wait(10);
  }
  for (const each of [client, ...members]) each.end();
  const deliveries = after.arrived - before.arrived;
  const each = (name) => (after[name] - before[name]) / deliveries;
  return {
    rate: deliveries / (after.time - before.time) * 1000,
    cpu: each('publisher') + each('hearer'),
    publish: each('publisher') * count, hear: each('hearer'), redis: each('redis') * count,
  };
}

// MARK: Everything

const details = [['publish', 'first server for a message, µs'], ['hear', 'second server for a delivery, µs'], ['redis', 'Redis for a message, µs']];

/** Rows of one scenario: medians, and the ratios of consecutive runs. */
function rows(label, figures, results) {
  for (const [name, title, digits = 2] of figures) {
    const [ours, node] = ['ours', 'node'].map((kind) => results[kind].map((result) => result[name]));
    const ratios = ours.map((value, i) => value / node[i]);
    console.log(`| ${label} | ${title} | ${shown(median(ours), digits)} | ${shown(median(node), digits)} | `
      + `${shown(median(ours) / median(node))} (${shown(Math.min(...ratios))} – ${shown(Math.max(...ratios))}) |`);
  }
}

async function main() {
  const { values, positionals: [bin] } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' },
      'in-flight': { type: 'string', default: '1,64,1000' }, details: { type: 'boolean' },
    },
  });
  if (!bin || !process.env.SOCKETIO_NODE_MODULES) throw new Error('give the folder of release builds, and SOCKETIO_NODE_MODULES');
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const [first, second] = os.cpus().length > 1 ? [['taskset', '-c', '0'], ['taskset', '-c', '1']] : [[], []];
  if (second.length) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);

  const redis = await startRedis(second);
  const servers = {};
  for (const kind of ['ours', 'node']) {
    servers[kind] = [await startServer(first, kind, bin, redis.url), await startServer(first, kind, bin, redis.url)];
  }
  await wait(2000);
  const load = fs.readFileSync('/proc/loadavg', 'latin1').split(' ')[0];
  console.log(`${os.cpus().length} processors, ${os.cpus()[0].model.trim()}, Linux ${os.release()}, Node ${process.version}, load ${load} at the start; `
    + `${rounds} runs of ${seconds} s in turns\n`);
  console.log('| scenario | figure | ours | Node | ratio (least – greatest) |\n| --- | --- | --- | --- | --- |');
  for (const inFlight of values['in-flight'].split(',').filter(Boolean).map(Number)) {
    for (const count of MEMBERS) {
      const results = { ours: [], node: [] };
      for (let round = 0; round < rounds; round++) {
        for (const kind of ['ours', 'node']) {
          results[kind].push(await run(servers[kind], redis, `room-${inFlight}-${count}-${round}`, count, { seconds, inFlight }));
        }
      }
      rows(`${count} ${count > 1 ? 'members' : 'member'}, ${inFlight} in flight`,
        [['cpu', 'CPU for a delivery, µs'], ...(values.details ? details : []), ['rate', 'deliveries/s', 0]], results);
    }
  }
  for (const { child } of Object.values(servers).flat()) { child.kill('SIGKILL'); await once(child, 'exit'); running.delete(child); }

  const results = { ours: [], node: [] };
  for (let round = 0; round < rounds; round++) {
    results.ours.push(measureOurEnds(first, bin, redis.url));
    results.node.push(await measureEnds(first, redis.url));
  }
  rows('no clients', [['publish', 'publish a message, µs'], ['hear', 'hear a message, µs']], results);
  process.exit(0);
}

if (process.argv[2] === '--end') runEnd(process.argv[3], process.argv[4]);
else main();
