// Rooms and communities: what is known of them, and their messages.
import { reasonText } from './chat-text.js';
import { ask } from './chat-net.js';
import { $ } from './chat-view.js';
import { atBottom, isLooking, received, seen, toBottom, toDividerOrBottom } from './chat-reading.js';
import { current, render, renderLog, toast } from './chat-page.js';
import { home, me, outbox } from './chat-session.js';

export const LOBBY = 'lobby';

/** Rooms by key: channels and conversations. */
export const rooms = new Map();

/** Communities by id: { id, title, role, socket, others, online, people, problem } */
export const spaces = new Map();

/** When other people were seen last, by their ids. */
export const sights = new Map();
const kindOf = (key) => ({ c: 'channel', d: 'direct', g: 'group' })[key[0]];
export const spaceOf = (key) => (key[0] === 'c' ? key.split(':')[1] : '');
export const socketOf = (key) => (key[0] === 'c' ? spaces.get(spaceOf(key))?.socket : home);

export function roomFor(info, people) {
  let room = rooms.get(info.key);
  if (!room) {
    room = {
      key: info.key, kind: kindOf(info.key), space: spaceOf(info.key), title: info.title, list: [], last: 0, read: 0,
      message: null, more: false, loaded: false, loading: false, stale: false, divider: null, notices: [],
      markers: new Map(), typing: new Map(), people: [], other: null, scroll: null,
    };
    rooms.set(info.key, room);
  }
  if (people) {
    room.people = people;
    room.other = room.kind === 'direct' ? people.find((person) => person.id !== me.id) ?? null : null;
  }
  room.title = room.kind === 'direct' ? room.other?.name ?? '…' : info.title;
  return room;
}

export function placed(place) {
  const room = roomFor(place.room, place.people);
  room.last = Math.max(room.last, place.last);
  room.read = Math.max(room.read, place.read);
  if (place.message && (!room.message || place.message.seq >= room.message.seq)) room.message = place.message;
  return room;
}

export const unreadOf = (room) => Math.max(0, room.last - room.read);

/** Puts messages into a room, in order, each once, the newest form of each. */
function merge(room, messages) {
  if (!messages.length) return;
  const first = room.list[0], last = room.list[room.list.length - 1];
  if (!last || messages[0].seq > last.seq) room.list.push(...messages);
  else if (messages[messages.length - 1].seq < first.seq) room.list.unshift(...messages);
  else {
    const all = new Map(room.list.map((message) => [message.seq, message]));
    for (const message of messages) {
      const known = all.get(message.seq);
      if (!known || known.rev < message.rev) all.set(message.seq, message);
    }
    room.list = [...all.values()].sort((a, b) => a.seq - b.seq);
  }
  const newest = room.list[room.list.length - 1];
  room.last = Math.max(room.last, newest.seq);
  if (!room.message || newest.seq >= room.message.seq) room.message = newest;
}

/** Keeps the list short while the person reads its end, since drawing costs as much as it is long. What is older is fetched again. */
function shorten(room) {
  if (room.list.length <= 600 || room.fetching || (room.key === current && !atBottom())) return;
  room.list = room.list.slice(-300);
  room.more = true;
}

export async function openRoom(room) {
  const socket = socketOf(room.key);
  if (!socket?.connected || room.loading) return;
  room.loading = true;
  render();
  try {
    const opening = await ask(socket, 'open', room.key);
    roomFor(opening.room, opening.people);
    for (const member of opening.members ?? []) room.markers.set(member.person, member);
    room.read = Math.max(room.read, opening.read);
    const last = room.list[room.list.length - 1];
    // Too much was said meanwhile: what is older is fetched again when somebody looks for it.
    if (last && opening.messages.length && opening.messages[0].seq > last.seq + 1) room.list = [];
    if (!room.list.length) room.more = opening.more;
    room.last = Math.max(room.last, opening.last);
    if (room.divider === null && unreadOf(room) > 0) room.divider = room.read;
    merge(room, opening.messages);
    room.loaded = true;
    room.stale = false;
    const others = room.people.filter((person) => person.id !== me.id).map((person) => person.id);
    if (others.length) for (const sight of await ask(home, 'look', others)) sights.set(sight.person, sight);
  } catch (error) {
    if (!error.isLost) toast(reasonText(error));
  } finally {
    room.loading = false;
    render();
    if (room.key === current) { toDividerOrBottom(room); seen(); }
  }
}

export async function olderMessages(room) {
  const socket = socketOf(room.key);
  if (!room.more || room.fetching || !socket?.connected || !room.list.length) return;
  room.fetching = true;
  try {
    const older = await ask(socket, 'history', room.key, room.list[0].seq);
    room.more = older.length > 0 && older[0].seq > 1;
    const log = $('log'), height = log.scrollHeight, top = log.scrollTop;
    merge(room, older);
    renderLog();
    if (room.key === current) log.scrollTop = top + log.scrollHeight - height;
  } catch { /* tried again with the next scroll */ } finally { room.fetching = false; }
}

async function missedMessages(room) {
  if (room.catching) return;
  room.catching = true;
  try {
    for (;;) {
      const last = room.list[room.list.length - 1]?.seq ?? 0;
      const missed = await ask(socketOf(room.key), 'since', room.key, last);
      if (!missed.length) break;
      merge(room, missed);
      shorten(room);
    }
  } catch { room.stale = true; } finally { room.catching = false; render(); }
}

export async function receive(message) {
  let room = rooms.get(message.room);
  if (!room) {
    if (message.room[0] === 'c') return;
    try { room = placed(await ask(home, 'place', message.room)); } catch { return; }
  }
  const isMine = message.from === me.id;
  room.typing.delete(message.from);
  const last = room.list[room.list.length - 1]?.seq ?? 0;
  const stayed = atBottom();
  if (room.loaded && message.seq > last + 1 && last < room.last + 1 && room.list.length) {
    room.last = Math.max(room.last, message.seq);
    missedMessages(room);
  } else if (room.loaded && room.more && room.list.length && message.seq < room.list[0].seq) {
    // Older than what is here: it comes with its page.
  } else if (room.loaded) {
    merge(room, [message]);
    shorten(room);
  } else {
    room.last = Math.max(room.last, message.seq);
    if (!room.message || message.seq >= room.message.seq) room.message = message;
  }
  if (isMine) {
    room.read = Math.max(room.read, message.seq);
    if (outbox) { const sent = outbox.entries.find((entry) => entry.id === message.id); if (sent) outbox.remove(sent); }
  } else if (room.kind !== 'channel') received(room);
  if (room.key === current) {
    if (!stayed && !isMine) room.below = (room.below ?? 0) + 1;
    if (isLooking() && stayed) seen();
    else if (!isMine && room.divider === null) room.divider = message.seq - 1;
  } else if (!isMine && room.divider === null) room.divider = room.read;
  render();
  if (room.key === current && (stayed || isMine)) toBottom();
}

export function changed(message) {
  const room = rooms.get(message.room);
  if (!room) return;
  const index = room.list.findIndex((other) => other.seq === message.seq);
  if (index >= 0 && room.list[index].rev < message.rev) room.list[index] = message;
  if (room.message?.seq === message.seq) room.message = message;
  render();
}

export function marked({ room: key, person, read, delivered }) {
  const room = rooms.get(key);
  if (!room) return;
  room.markers.set(person, { person, read, delivered });
  if (person === me.id) room.read = Math.max(room.read, read);
  render();
}
