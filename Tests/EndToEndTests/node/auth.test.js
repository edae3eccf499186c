// The official JavaScript client against the executable with authentication: tokens that Node's own crypto has signed.
'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { io, connect, next, until, deadline, ways } = require('./harness.js');

const secret = crypto.randomBytes(64).toString('hex');
const pair = (type, options) => crypto.generateKeyPairSync(type, options);
const rsa = pair('rsa', { modulusLength: 2048 });
const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
const keys = { EdDSA: pair('ed25519') };
for (const [alg, namedCurve] of Object.entries(curves)) keys[alg] = pair('ec', { namedCurve });
for (const size of [256, 384, 512]) {
  keys[`RS${size}`] = rsa;
  keys[`PS${size}`] = rsa;
}
const algorithms = ['HS256', 'HS384', 'HS512', ...Object.keys(keys)];

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

function sign(alg, claims, header = {}, key = keys[alg] && keys[alg].privateKey) {
  const signed = `${part({ alg, ...header })}.${part({ sub: 'ada', exp: now() + 600, ...claims })}`;
  const digest = `sha${alg.slice(2)}`;
  const signature = {
    HS: () => crypto.createHmac(digest, secret).update(signed).digest(),
    RS: () => crypto.sign(digest, Buffer.from(signed), key),
    PS: () => crypto.sign(digest, Buffer.from(signed), {
      key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST,
    }),
    ES: () => crypto.sign(digest, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }),
    Ed: () => crypto.sign(null, Buffer.from(signed), key),
  }[alg.slice(0, 2)]();
  return `${signed}.${signature.toString('base64url')}`;
}

/** Starts the executable with these settings of `auth.jwt`. */
async function startServer(folder, jwt) {
  const file = path.join(folder, 'settings.yaml');
  // JSON is YAML.
  fs.writeFileSync(file, JSON.stringify({
    host: '127.0.0.1', port: 0, eventLoops: 2, client: { enabled: false }, log: { level: 'debug' }, drain: { windowMs: 0 },
    auth: { jwt },
  }));
  const child = spawn(path.join(process.env.E2E_BIN, 'socketio-server'), ['--config', file],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  const server = { output: '' };
  const bound = new Promise((resolve) => {
    const take = (text) => {
      server.output += text;
      const match = /listening.* port=(\d+)/.exec(server.output);
      if (match) resolve(Number(match[1]));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
  });
  const port = await Promise.race([
    bound, exited.then(() => { throw new Error(`server ended: ${server.output}`); }), deadline(30000, 'server did not listen'),
  ]);
  server.url = `http://127.0.0.1:${port}`;
  server.signal = (name) => child.kill(name);
  server.stop = async () => {
    child.kill('SIGTERM');
    const [code] = await Promise.race([exited, deadline(30000, 'server did not end')]);
    return code;
  };
  return server;
}

/** A token for every place it can stand in; the chat wants a name too, and takes it from the token here. */
const auth = (token) => ({ auth: { token, tab: crypto.randomUUID() } });

async function refusal(server, options) {
  const socket = io(server.url, { forceNew: true, reconnection: false, ...options });
  const [error] = await Promise.race([
    next(socket, 'connect_error', 30000), next(socket, 'connect', 30000).then(() => { throw new Error('connected'); }),
  ]);
  socket.disconnect();
  return { message: error.message, data: error.data };
}

describe('authentication', () => {
  let folder;
  let server;
  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'auth-'));
    const pem = ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']
      .map((alg) => keys[alg].publicKey.export({ type: 'spki', format: 'pem' })).join('');
    fs.writeFileSync(path.join(folder, 'keys.pem'), pem);
    server = await startServer(folder, {
      mode: 'required', algorithms, secret, publicKeyFile: path.join(folder, 'keys.pem'), nameClaim: 'name',
      leewaySeconds: 0, expiryWarningMs: 3_600_000, expiryGraceMs: 500,
    });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    assert.ok(!server.output.includes(secret), 'the secret is in the log');
    fs.rmSync(folder, { recursive: true });
  });

  for (const alg of algorithms) {
    test(`${alg}: the chat knows the name of the token`, async () => {
      const socket = await connect(server, '', auth(sign(alg, { name: `Ada ${alg}` })));
      const place = await socket.timeout(30000).emitWithAck('join', `room ${alg}`);
      assert.deepEqual(place.people, [`Ada ${alg}`]);
      socket.disconnect();
      const other = alg.startsWith('HS') ? sign(alg, {}).slice(0, -4) + 'AAAA' : sign(alg, {}, {},
        alg === 'EdDSA' ? pair('ed25519').privateKey
          : curves[alg] ? pair('ec', { namedCurve: curves[alg] }).privateKey
            : pair('rsa', { modulusLength: 2048 }).privateKey);
      assert.deepEqual(await refusal(server, auth(other)), { message: 'Invalid token', data: { code: 'token-signature' } });
    });
  }

  for (const [way, options] of Object.entries(ways)) {
    test(`${way}: connect_error has message and data`, async () => {
      assert.deepEqual(await refusal(server, options), { message: 'Authentication required', data: { code: 'token-missing' } });
      assert.deepEqual(await refusal(server, { ...options, ...auth(sign('HS256', { exp: now() - 10 })) }),
        { message: 'Token expired', data: { code: 'token-expired' } });
      assert.deepEqual(await refusal(server, { ...options, ...auth(sign('HS256', { nbf: now() + 100 })) }),
        { message: 'Token not yet valid', data: { code: 'token-not-yet-valid' } });
    });
  }

  test('no signature, and a public key as the secret', async () => {
    const none = `${part({ alg: 'none' })}.${part({ sub: 'ada', name: 'Eve' })}.`;
    assert.equal((await refusal(server, auth(none))).data.code, 'token-algorithm');
    for (const format of ['pem', 'der']) {
      const key = rsa.publicKey.export({ type: 'spki', format });
      const signed = `${part({ alg: 'HS256' })}.${part({ sub: 'ada', name: 'Eve' })}`;
      const signature = crypto.createHmac('sha256', key).update(signed).digest('base64url');
      assert.equal((await refusal(server, auth(`${signed}.${signature}`))).data.code, 'token-signature');
    }
  });

  test('a token in the Authorization header', async () => {
    const token = sign('RS256', { name: 'Header' });
    // Browsers can set headers for long-polling only.
    const socket = await connect(server, '', {
      transports: ['polling'], transportOptions: { polling: { extraHeaders: { Authorization: `Bearer ${token}` } } },
    });
    assert.deepEqual((await socket.timeout(30000).emitWithAck('join', 'header')).people, ['Header']);
    socket.disconnect();
  });

  test('the end of a token: warning, end, disconnection, and no return by itself', async () => {
    const socket = io(server.url, { forceNew: true, ...auth(sign('ES256', { name: 'Short', exp: now() + 2 })) });
    const expiring = next(socket, 'token_expiring', 30000);
    const expired = next(socket, 'token_expired', 30000);
    const gone = next(socket, 'disconnect', 30000);
    const [times] = await expiring;
    assert.ok(times.disconnectAt - times.expiresAt === 500 && times.expiresAt > Date.now() - 60000);
    await expired;
    assert.deepEqual((await gone)[0], 'io server disconnect');
    assert.equal(socket.active, false);
  });

  test('a fresh token in time keeps the connection', async () => {
    const socket = io(server.url, { forceNew: true, ...auth(sign('ES256', { name: 'Long', exp: now() + 3 })) });
    let isGone = false;
    socket.on('disconnect', () => { isGone = true; });
    socket.on('token_expired', () => { isGone = true; });
    const [{ disconnectAt }] = await next(socket, 'token_expiring', 30000);
    const foreign = await socket.timeout(30000).emitWithAck('token_renew', sign('ES256', { sub: 'eve' }));
    assert.deepEqual(foreign, { error: { message: 'Invalid token', data: { code: 'token-subject' } } });
    const exp = now() + 3600;
    assert.deepEqual(await socket.timeout(30000).emitWithAck('token_renew', sign('EdDSA', { name: 'Long', exp })),
      { expiresAt: exp * 1000 });
    await until(() => Date.now() > disconnectAt + 1000, 'no end of the first token', 30000);
    assert.equal(isGone, false);
    assert.deepEqual((await socket.timeout(30000).emitWithAck('join', 'long')).people, ['Long']);
    socket.disconnect();
  });
});

describe('a key set over HTTP', () => {
  test('rotation, outage and return', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'auth-'));
    const named = (kid) => ({ kid, ...pair('ec', { namedCurve: 'P-256' }) });
    const [first, second] = [named('first'), named('second')];
    const jwk = ({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' });
    const token = ({ kid, privateKey }) => sign('ES256', { name: `Ada ${kid}` }, { kid }, privateKey);
    let set = { keys: [jwk(first)] };
    const issuer = http.createServer((request, response) => {
      if (!set) return response.writeHead(500).end();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(set));
    });
    issuer.listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const server = await startServer(folder, {
      mode: 'required', jwksUrl: `http://127.0.0.1:${issuer.address().port}/jwks`, jwksRetryMs: 100, nameClaim: 'name',
    });
    try {
      (await connect(server, '', auth(token(first)))).disconnect();
      assert.equal((await refusal(server, auth(token(second)))).data.code, 'token-key-unknown');
      set = { keys: [jwk(first), jwk(second)] };
      // A token with a new key makes the server look, but not more often than jwksRetryMs says.
      for (const end = Date.now() + 30000; ;) {
        try {
          (await connect(server, '', auth(token(second)))).disconnect();
          break;
        } catch (error) {
          if (Date.now() > end) throw error;
        }
      }
      set = null;
      const third = token(named('third'));
      for (const end = Date.now() + 30000; !server.output.includes('the key set could not be fetched');) {
        assert.equal((await refusal(server, auth(third))).data.code, 'token-key-unknown');
        assert.ok(Date.now() < end, 'no warning');
      }
      for (const known of [first, second]) (await connect(server, '', auth(token(known)))).disconnect();
    } finally {
      assert.equal(await server.stop(), 0);
      issuer.close();
      issuer.closeAllConnections();
      fs.rmSync(folder, { recursive: true });
    }
  });
});
