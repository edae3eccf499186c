// The applications `mixed` and `bench` on Node's own server, with the options of socketio-conformance-server that fit:
// `node official.js --app mixed --port 0 --adapter redis|sharded|streams --redis URL --key PREFIX --name NAME`.
// SOCKETIO_NODE_MODULES is a node_modules folder with socket.io, @socket.io/redis-adapter, @socket.io/redis-streams-adapter and redis.
'use strict';

const path = require('node:path');
const { parseArgs } = require('node:util');

const folder = process.env.SOCKETIO_NODE_MODULES;
if (!folder) throw new Error('set SOCKETIO_NODE_MODULES to a node_modules folder with socket.io and its adapters');
const load = (name) => require(path.resolve(folder, name));

/** The adapter of that kind, with the name of the test in every channel, stream and key. */
async function makeAdapter({ adapter, redis, key, mode, 'specific-response-channel': specific }) {
  const client = load('redis').createClient({ url: redis });
  client.on('error', (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  if (adapter === 'streams') {
    return load('@socket.io/redis-streams-adapter').createAdapter(client, { streamName: key, channelPrefix: key });
  }
  const subscriber = client.duplicate();
  subscriber.on('error', (error) => console.error(`redis: ${error.message}`));
  await subscriber.connect();
  const { createAdapter, createShardedAdapter } = load('@socket.io/redis-adapter');
  return adapter === 'sharded'
    ? createShardedAdapter(client, subscriber, { channelPrefix: key, subscriptionMode: mode })
    : createAdapter(client, subscriber, { key, publishOnSpecificResponseChannel: specific });
}

function bench(io) {
  io.on('connection', (socket) => {
    socket.on('echo', (...args) => args.pop()(...args));
    socket.on('join', (room, ack) => { socket.join(room); ack(true); });
    socket.on('leave', (room, ack) => { socket.leave(room); ack(true); });
    socket.on('msg', (room, payload) => { io.to(room).emit('msg', payload); });
  });
}

/** Every operation of a cluster, driven by events, as AllOperationsApp.swift has them. */
function mixed(io, name) {
  for (const nsp of ['/', '/chat']) {
    const namespace = io.of(nsp);
    let log = [];
    namespace.on('sse', (...args) => log.push(args));
    namespace.on('sse-ask', (...args) => args.pop()({ from: name, args }));
    namespace.on('sse-silent', () => {});
    namespace.on('connection', (socket) => {
      const all = () => namespace.to([]);
      const handle = (event, listener) => socket.on(event, async (...args) => {
        const ack = args.pop();
        ack(await listener(...args));
      });

      handle('whoami', () => ({ name, id: socket.id, nsp: namespace.name, transport: socket.conn.transport.name,
        recovered: socket.recovered }));
      socket.on('echo', (...args) => args.pop()(...args));
      handle('set-data', (data) => { socket.data = data; return 'ok'; });
      handle('join', async (rooms) => { await socket.join(rooms); return 'ok'; });
      handle('leave', async (room) => { await socket.leave(room); return 'ok'; });
      handle('rooms', () => [...socket.rooms]);

      handle('bcast', (options, event, args) => { apply(options, all()).emit(event, ...args); return 'ok'; });
      handle('sbcast', (options, event, args) => { apply(options, socket.broadcast).emit(event, ...args); return 'ok'; });
      handle('bcast-ack', (options, event, args) => outcome(() => apply(options, all().timeout(1000)).emitWithAck(event, ...args)));
      handle('sockets-join', (options, rooms) => { apply(options, all()).socketsJoin(rooms); return 'ok'; });
      handle('sockets-leave', (options, rooms) => { apply(options, all()).socketsLeave(rooms); return 'ok'; });
      handle('disconnect-sockets', (options, close) => { apply(options, all()).disconnectSockets(close); return 'ok'; });

      handle('fetch', (options) => outcome(async () => (await apply(options, all()).fetchSockets()).map(describe)));
      handle('all-rooms', async () => [...await namespace.adapter.allRooms()].sort());
      handle('server-count', () => namespace.adapter.serverCount());

      handle('sse-emit', (event, args) => { namespace.serverSideEmit(event, ...args); return 'ok'; });
      handle('sse-emit-ack', (event, args) => outcome(() => namespace.serverSideEmitWithAck(event, ...args)));
      handle('sse-log', () => log);
      handle('sse-clear', () => { log = []; return 'ok'; });
    });
  }
}

function apply({ to, except, local, volatile, compress, timeout }, target) {
  if (to) target = target.to(to);
  if (except) target = target.except(except);
  if (local) target = target.local;
  if (volatile) target = target.volatile;
  if (compress !== undefined) target = target.compress(compress);
  if (timeout) target = target.timeout(timeout);
  return target;
}

async function outcome(operation) {
  try {
    return { err: null, res: await operation() };
  } catch (error) {
    return { err: error.message, res: error.responses ?? null };
  }
}

function describe({ id, rooms, data, handshake }) {
  return { id, rooms: [...rooms].sort(), data, hs: Object.keys(handshake), auth: handshake.auth, query: handshake.query.EIO ?? null };
}

async function main() {
  const { values } = parseArgs({
    options: {
      app: { type: 'string' }, port: { type: 'string' }, name: { type: 'string', default: 'node' },
      adapter: { type: 'string' }, redis: { type: 'string' }, key: { type: 'string', default: 'socket.io' },
      mode: { type: 'string', default: 'dynamic' }, 'specific-response-channel': { type: 'boolean', default: false },
      recovery: { type: 'boolean', default: false },
    },
  });
  const http = require('node:http').createServer();
  const { Server } = load('socket.io');
  const io = new Server(http, {
    serveClient: false,
    ...(values.adapter && { adapter: await makeAdapter(values) }),
    ...(values.recovery && { connectionStateRecovery: {} }),
  });
  if (values.app === 'bench') bench(io);
  else mixed(io, values.name);
  http.listen(Number(values.port), '127.0.0.1', () => console.log(`listening ${http.address().port}`));
  process.on('SIGTERM', () => { io.close(() => process.exit(0)); });
}

main();
