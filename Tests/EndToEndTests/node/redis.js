// A real redis-server for one test file.
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether something listens on a port of this machine. */
function listens(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

/** Starts redis-server, on a free port unless told one; nothing is kept on disk. `more` are further arguments. */
async function startRedis({ port, more = [] } = {}) {
  port ??= await freePort();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'socketio-redis-'));
  let child, exited;
  async function start() {
    child = spawn('redis-server',
      ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', '', '--appendonly', 'no',
        ...more],
      { stdio: 'ignore' });
    exited = once(child, 'exit');
    const end = Date.now() + 20000;
    while (!await listens(port)) {
      if (Date.now() > end || child.exitCode !== null) throw new Error('redis-server does not listen');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  async function kill() {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  }
  await start();
  return {
    port,
    get pid() { return child.pid; },
    url: `redis://127.0.0.1:${port}`,
    /** Kills it and starts it again after `ms`, while `work` is done. */
    async restart(ms, work) {
      await kill();
      const working = work();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await start();
      await working;
    },
    async stop() {
      await kill();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

module.exports = { startRedis };
