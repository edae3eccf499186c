// Starts the built servers and loads the official client bundle into Node.
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const path = require('node:path');

const bin = process.env.E2E_BIN;
const bundle = process.env.E2E_CLIENT;
if (!bin || !bundle) throw new Error('set E2E_BIN to the build products and E2E_CLIENT to socket.io.min.js');

// What the browser bundle expects of a browser.
global.WebSocket = require('/usr/share/nodejs/ws');
global.XMLHttpRequest = require('/usr/share/nodejs/xmlhttprequest').XMLHttpRequest;
global.FileReader = class {
  readAsDataURL(blob) {
    blob.arrayBuffer().then((buffer) => {
      this.result = 'data:;base64,' + Buffer.from(buffer).toString('base64');
      if (this.onload) this.onload();
    });
  }
  readAsArrayBuffer(blob) {
    blob.arrayBuffer().then((buffer) => {
      this.result = buffer;
      if (this.onload) this.onload();
    });
  }
};
const io = require(path.resolve(bundle));

/** Starts the conformance server; `port` 0 lets the system choose. */
function startServer(app, { port = 0, args = [] } = {}) {
  return start(path.join(bin, 'socketio-conformance-server'), ['--app', app, '--port', String(port), ...args]);
}

/** Starts the same application on Node's own server, which needs SOCKETIO_NODE_MODULES. */
function startOfficial(app, { port = 0, args = [] } = {}) {
  return start(process.execPath, [path.join(__dirname, 'official.js'), '--app', app, '--port', String(port), ...args]);
}

async function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = readline.createInterface({ input: child.stdout });
  const listening = new Promise((resolve) => {
    lines.on('line', (line) => {
      const match = /^listening (\d+)$/.exec(line);
      if (match) resolve(Number(match[1]));
    });
  });
  const bound = await Promise.race([
    listening,
    exited.then(([code]) => { throw new Error(`server ended with ${code} before it listened`); }),
    deadline(20000, 'server did not listen'),
  ]);
  return {
    port: bound,
    pid: child.pid,
    url: `http://127.0.0.1:${bound}`,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await Promise.race([exited, deadline(10000, 'server did not end')]);
      return code;
    },
  };
}

/** Rejects after `ms`; does not keep the process alive. */
function deadline(ms, what) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms).unref());
}

/** The arguments of the next `event`. */
function next(emitter, event, ms = 8000) {
  return Promise.race([
    new Promise((resolve) => emitter.once(event, (...args) => resolve(args))),
    deadline(ms, `no ${event}`),
  ]);
}

/** Waits until `condition` holds. */
async function until(condition, what, ms = 8000) {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A connected socket. */
async function connect(server, nsp = '', options = {}) {
  const socket = io(server.url + nsp, { forceNew: true, reconnection: false, ...options });
  await Promise.race([
    next(socket, 'connect'),
    next(socket, 'connect_error').then(([error]) => { throw error; }),
  ]);
  return socket;
}

/** How the client may reach the server. */
const ways = {
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

module.exports = { io, startServer, startOfficial, connect, next, until, deadline, ways };
