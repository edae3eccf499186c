// WebSocket compression: Node's `ws` itself, and the official client on top of it.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { once } = require('node:events');
const { startServer, connect, next, deadline } = require('./harness.js');

const WebSocket = require('/usr/share/nodejs/ws');
const agreed = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

/** Frames with the first reserved bit, and all bytes, as they come from the server; `ws` hides them. */
function watch(socket) {
  const seen = { compressed: 0, bytes: 0 };
  const receiver = socket._receiver;
  const getInfo = receiver.getInfo.bind(receiver);
  receiver.getInfo = (...args) => { getInfo(...args); if (receiver._compressed) seen.compressed++; };
  socket._socket.on('data', (data) => { seen.bytes += data.length; });
  return seen;
}

describe('ws', () => {
  let server;
  before(async () => { server = await startServer('ws-echo'); });
  after(async () => { assert.equal(await server.stop(), 0, 'exit code after SIGTERM'); });

  async function open(perMessageDeflate) {
    const socket = new WebSocket(server.url.replace('http', 'ws'), { perMessageDeflate });
    let header;
    socket.once('upgrade', (response) => { header = response.headers['sec-websocket-extensions']; });
    await Promise.race([once(socket, 'open'), deadline(8000, 'not open')]);
    return { socket, header };
  }

  for (const [options, answer] of [
    [true, agreed],
    [{ threshold: 0, clientNoContextTakeover: true, serverNoContextTakeover: true }, agreed],
    [{ threshold: 0, serverMaxWindowBits: 9 }, agreed + '; server_max_window_bits=9'],
    [{ threshold: 0, clientMaxWindowBits: 10 }, agreed],
    [false, undefined],
  ]) {
    test(`messages of every size come back, offering ${JSON.stringify(options)}`, async () => {
      const { socket, header } = await open(options);
      assert.equal(header, answer);
      const seen = watch(socket);
      for (const size of [0, 1, 125, 126, 1023, 1024, 65535, 65536, 300_000]) {
        const text = 'ä€🎉 sock'.repeat(Math.ceil(size / 8)).slice(0, size);
        for (const message of [text, Buffer.from(text), crypto.randomBytes(size)]) {
          socket.send(message);
          const [data, isBinary] = await next(socket, 'message');
          assert.equal(isBinary, typeof message !== 'string');
          assert.ok(data.equals(Buffer.from(message)), `${size} bytes`);
        }
      }
      assert.equal(seen.compressed > 0, options !== false);
      socket.close(1000);
      assert.equal((await next(socket, 'close'))[0], 1000);
    });
  }

  test('a message in compressed fragments', async () => {
    const { socket } = await open({ threshold: 0 });
    for (let i = 0; i < 50; i++) socket.send('part of it ', { fin: i === 49, compress: true });
    assert.equal(String((await next(socket, 'message'))[0]), 'part of it '.repeat(50));
    socket.close();
  });

  test('a bomb is refused', async () => {
    const { socket } = await open({ threshold: 0 });
    socket.on('error', () => {});
    socket.send(Buffer.alloc(50_000_000));
    assert.equal((await next(socket, 'close', 20000))[0], 1009);
  });
});

describe('the official client', () => {
  for (const loops of [1, 2]) {
    for (const transports of [['websocket'], ['polling', 'websocket']]) {
      test(`${transports}, ${loops} event loop(s)`, async () => {
        const server = await startServer('mixed', { args: ['--deflate', '--event-loops', String(loops)] });
        try {
          const [a, b] = await Promise.all([1, 2].map(() => connect(server, '', { transports })));
          const engine = a.io.engine;
          if (engine.transport.name !== 'websocket') await next(engine, 'upgrade');
          assert.equal(engine.transport.ws.extensions, 'permessage-deflate');
          const seen = watch(engine.transport.ws);
          const text = 'x€'.repeat(100_000);
          assert.equal(await a.timeout(8000).emitWithAck('echo', text), text);
          assert.ok(seen.compressed > 0 && seen.bytes < 50_000, `${seen.compressed} frames, ${seen.bytes} bytes`);
          const answer = await a.timeout(8000).emitWithAck('echo', Buffer.alloc(100_000, 7));
          assert.ok(Buffer.from(answer).equals(Buffer.alloc(100_000, 7)));
          for (const socket of [a, b]) assert.equal(await socket.timeout(8000).emitWithAck('join', 'r'), 'ok');
          const got = Promise.all([next(a, 'x'), next(b, 'x')]);
          await a.timeout(8000).emitWithAck('bcast', { to: ['r'] }, 'x', [text]);
          assert.deepEqual(await got, [[text], [text]]);
          // The flag of one emit.
          const before = seen.compressed;
          const plain = next(a, 'x');
          await a.timeout(8000).emitWithAck('bcast', { to: ['r'], compress: false }, 'x', [text]);
          assert.deepEqual(await plain, [text]);
          assert.equal(seen.compressed, before);
          a.disconnect(); b.disconnect();
        } finally {
          assert.equal(await server.stop(), 0, 'exit code after SIGTERM');
        }
      });
    }
  }
});
