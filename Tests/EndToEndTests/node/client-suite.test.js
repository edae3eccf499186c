// What the official client's own tests expect of their server, over our `client-suite` app.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { io, startServer, connect, next, ways } = require('./harness.js');

for (const [way, options] of Object.entries(ways)) {
  describe(`client suite, ${way}`, () => {
    let server;
    before(async () => { server = await startServer('client-suite'); });
    after(async () => { assert.equal(await server.stop(), 0); });
    const open = (nsp, more) => connect(server, nsp, { ...options, ...more });

    test('hi', async () => {
      const socket = await open();
      socket.emit('hi');
      await next(socket, 'hi');
      socket.disconnect();
    });
    test('the server asks for an acknowledgement', async () => {
      const socket = await open();
      socket.on('ack', (ack) => ack(5, { test: true }));
      socket.emit('ack');
      await next(socket, 'got it');
      socket.disconnect();
    });
    test('dates', async () => {
      const socket = await open();
      assert.match(await socket.timeout(8000).emitWithAck('getAckDate', { test: true }), /^\d{4}-\d\d-\d\dT/);
      socket.emit('getDate');
      assert.match((await next(socket, 'takeDate'))[0], /^\d{4}-/);
      socket.emit('getDateObj');
      assert.match((await next(socket, 'takeDateObj'))[0].date, /^\d{4}-/);
      socket.disconnect();
    });
    test('utf8', async () => {
      const socket = await open();
      const seen = [];
      const done = new Promise((resolve) => socket.on('takeUtf8', (text) => {
        seen.push(text);
        if (seen.length === 5) resolve();
      }));
      socket.emit('getUtf8');
      await done;
      assert.deepEqual(seen, ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string']);
      socket.disconnect();
    });
    test('false', async () => {
      const socket = await open();
      socket.emit('false');
      assert.deepEqual(await next(socket, 'false'), [false]);
      socket.disconnect();
    });
    test('binary from the server', async () => {
      const socket = await open();
      socket.emit('doge');
      assert.equal(Buffer.from((await next(socket, 'doge'))[0]).toString(), 'asdfasdf');
      socket.disconnect();
    });
    test('binary to the server, alone and inside objects', async () => {
      const socket = await open();
      socket.emit('buffa', new Uint8Array([1, 2, 3]));
      await next(socket, 'buffack');
      socket.emit('jsonbuff', { hello: 'lol', message: new Uint8Array([104, 105]), goodbye: 'gotcha' });
      await next(socket, 'jsonbuff-ack');
      socket.emit('abuff1', new Uint8Array([1]));
      socket.emit('abuff2', 'please arrive second');
      await next(socket, 'abuff2-ack');
      socket.disconnect();
    });
    test('handshake of a namespace carries query and auth', async () => {
      const socket = io(server.url + '/abc', { forceNew: true, reconnection: false, ...options, query: { a: 'b' }, auth: { c: 'd' } });
      const [handshake] = await next(socket, 'handshake');
      assert.equal(handshake.query.a, 'b');
      assert.deepEqual(handshake.auth, { c: 'd' });
      socket.disconnect();
    });
    test('middleware refuses with its message', async () => {
      const no = io(server.url + '/no', { forceNew: true, reconnection: false, ...options });
      assert.equal((await next(no, 'connect_error'))[0].message, 'Auth failed (custom namespace)');
      no.disconnect();
      const failing = io(server.url, { forceNew: true, reconnection: false, ...options, query: { fail: 'true' } });
      assert.equal((await next(failing, 'connect_error'))[0].message, 'Auth failed (main namespace)');
      failing.disconnect();
    });
    test('/foo knows the id', async () => {
      const socket = await open('/foo');
      assert.equal(await socket.timeout(8000).emitWithAck('getId'), socket.id);
      socket.disconnect();
    });
  });
}
