// The connection: who we are, what waits to be sent, files.
export const limits = { maxTextBytes: 8000, maxFileBytes: 8388608 };

/** What this browser keeps; private windows may refuse to. */
export const kept = {
  get(key, area = localStorage) { try { return area.getItem(`chat.${key}`); } catch { return null; } },
  set(key, value, area = localStorage) {
    try { if (value === null) area.removeItem(`chat.${key}`); else area.setItem(`chat.${key}`, value); } catch { /* not kept */ }
  },
  json(key) { try { return JSON.parse(this.get(key)) ?? null; } catch { return null; } },
};

// Where people log in elsewhere, that page sends them here with their token: /#token=…; a community is joined by
// /#c=…, another device by /#device=…. None of it stays in the address.
const given = new URLSearchParams(location.hash.slice(1));
if (location.hash) history.replaceState(null, '', location.pathname + location.search);
if (given.get('token')) kept.set('login', given.get('token'), sessionStorage);
export const invited = /^[A-Za-z0-9_-]{1,32}$/.test(given.get('c') ?? '') ? given.get('c') : null;
export let device = given.get('device');
export const login = () => kept.get('login', sessionStorage);
export const forgetDevice = () => { device = null; };

const base = new URL('socket.io', document.baseURI).pathname;

/** What each namespace is shown. */
export function auth(name) {
  const shown = {};
  if (login()) shown.token = login();
  const person = kept.get('person');
  if (device) shown.device = device; else if (person) shown.person = person;
  if (name) shown.name = name;
  return shown;
}

export function connect(namespace, name) {
  const options = { path: base, auth: (send) => send(auth(typeof name === 'function' ? name() : name)), reconnectionDelayMax: 4000 };
  return io(location.origin + namespace, options);
}

/**
 * Asks and waits for the answer. Throws what the server refuses with, or an error with `isLost`. What the server has no time for yet
 * is asked again, except a message: those wait in the outbox.
 */
export async function ask(socket, event, ...values) {
  let answer;
  try {
    answer = await socket.timeout(10000).emitWithAck(event, ...values);
  } catch {
    throw Object.assign(new Error('no answer'), { isLost: true });
  }
  if (answer?.error?.data?.code === 'slow-down' && event !== 'message') {
    await wait(Math.min(answer.error.data.retryAfterMs ?? 1000, 30000));
    return ask(socket, event, ...values);
  }
  if (answer && typeof answer === 'object' && answer.error) {
    throw Object.assign(new Error(answer.error.message), { data: answer.error.data });
  }
  return answer;
}

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function newID() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * What was written and is not acknowledged yet. Kept over a reload; sent in order, again and again until the server has
 * answered. The server stores a message with the same id once, so that a repeated one does no harm.
 */
export class Outbox {
  constructor(person, send, changed) {
    this.key = `outbox.${person}`;
    this.send = send;
    this.changed = changed;
    this.entries = kept.json(this.key) ?? [];
    this.running = new Set();
  }

  save() { kept.set(this.key, JSON.stringify(this.entries)); }

  add(entry) {
    this.entries.push(entry);
    this.save();
    this.changed(entry);
    this.run(entry.key);
  }

  remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.save();
    this.changed(entry);
  }

  retry(entry) {
    entry.failed = null;
    this.save();
    this.changed(entry);
    this.run(entry.key);
  }

  runAll() { for (const key of new Set(this.entries.map((entry) => entry.key))) this.run(key); }

  /** Sends what waits for a room, one after the other. */
  async run(key) {
    if (this.running.has(key)) return;
    this.running.add(key);
    try {
      for (;;) {
        const entry = this.entries.find((other) => other.key === key && !other.failed);
        if (!entry) return;
        try {
          const sent = await this.send(entry);
          if (sent === null) return; // no connection; a new one runs this again
          this.entries = this.entries.filter((other) => other !== entry);
          this.save();
          this.changed(entry, sent);
        } catch (error) {
          if (error.isLost) { await wait(500); continue; }
          const code = error.data?.code;
          if (code === 'slow-down') { this.changed(entry, null, code); await wait(Math.min(error.data.retryAfterMs ?? 1000, 30000)); continue; }
          if (code === 'away' || code === 'busy') { await wait(2000); continue; }
          entry.failed = { code, message: error.message };
          this.save();
          this.changed(entry);
        }
      }
    } finally {
      this.running.delete(key);
    }
  }
}

const pieceSize = 65536;

/** Sends a file in pieces, and goes on with it after the connection was lost. */
export async function upload(socket, file, id, progress, isCancelled) {
  const about = { id, name: file.name.slice(0, 200), type: file.type || 'application/octet-stream', size: file.size };
  let offset = null;
  for (;;) {
    if (isCancelled()) throw new Error('cancelled');
    if (!socket.connected) { offset = null; await wait(300); continue; }
    try {
      if (offset === null) offset = await ask(socket, 'upload', about);
      progress(offset / file.size);
      if (offset >= file.size) return about;
      offset = await ask(socket, 'piece', id, offset, await file.slice(offset, offset + pieceSize).arrayBuffer());
    } catch (error) {
      if (!error.isLost && error.data?.code !== 'away') throw error;
      offset = null;
      await wait(500);
    }
  }
}

/** Fetches a file in pieces. */
export async function download(socket, key, file, progress) {
  const pieces = [];
  let have = 0;
  while (have < file.size) {
    if (!socket.connected) { await wait(300); continue; }
    let piece;
    try {
      piece = await ask(socket, 'download', key, file.id, have);
    } catch (error) {
      if (!error.isLost) throw error;
      await wait(500);
      continue;
    }
    if (!piece.byteLength) throw Object.assign(new Error('gone'), { data: { code: 'no-file' } });
    pieces.push(piece);
    have += piece.byteLength;
    progress(have / file.size);
  }
  return pieces;
}
