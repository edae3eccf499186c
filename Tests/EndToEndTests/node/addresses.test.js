// The server sees who the client is, behind real balancers: X-Forwarded-For and PROXY headers of both versions.
'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Deployment, request } = require('./deployment.js');

const client = '127.0.0.77';

/** Opens a session from the client's address, and returns what the servers hold of its handshake. */
async function handshake(deployment, headers = {}) {
  const open = await request(deployment.port, '/socket.io/?EIO=4&transport=polling', { from: client, headers });
  assert.equal(open.status, 200, open.text);
  const { sid } = JSON.parse(open.text.slice(1));
  const target = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  await request(deployment.port, target, { method: 'POST', body: '40{"name":"somebody"}', from: client, headers });
  const joined = await request(deployment.port, target, { from: client, headers });
  assert.match(joined.text, /^40\{"sid":/);
  // Events of the chat may follow in the same answer.
  const id = JSON.parse(joined.text.split('\x1e')[0].slice(2)).sid;
  const socket = (await deployment.sockets()).find((socket) => socket.id === id);
  await request(deployment.port, target, { method: 'POST', body: '1', from: client, headers });
  return socket.handshake;
}

for (const product of ['haproxy', 'nginx']) {
  test(`X-Forwarded-For of ${product}`, { timeout: 60000 }, async () => {
    const deployment = await Deployment.start(product, { nodes: 2 });
    try {
      assert.equal((await handshake(deployment)).address, client);
      // What a client claims stands before what the balancer adds, and is not believed.
      const claimed = await handshake(deployment, { 'X-Forwarded-For': '6.6.6.6' });
      assert.equal(claimed.address, client);
    } finally {
      await deployment.stop();
    }
  });
}

for (const option of ['send-proxy', 'send-proxy-v2']) {
  test(`${option} of HAProxy that carries plain TCP`, { timeout: 60000 }, async () => {
    const tcp = (text) => {
      const bind = /^ *bind .*$/m.exec(text)[0];
      const servers = text.match(/^ *server n001 .*$/gm).map((line) => `${line} ${option}`);
      return `defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n`
        + `frontend all\n${bind}\n    default_backend nodes\nbackend nodes\n${servers.join('\n')}\n`;
    };
    const deployment = await Deployment.start('haproxy', { nodes: 1, flags: ['--proxy-protocol'], balancing: tcp });
    try {
      assert.equal((await handshake(deployment)).address, client);
      const claimed = await handshake(deployment, { 'X-Forwarded-For': '6.6.6.6' });
      assert.equal(claimed.address, client);
    } finally {
      await deployment.stop();
    }
  });
}
