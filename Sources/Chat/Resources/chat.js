// The chat page: rooms, messages, and what people do with them.
import { t, setLanguage, language, reasonText, clock, bytes, tint, initials } from './chat-text.js';
import { kept, connect, ask, wait, newID, login, invited, device, forgetDevice, limits, Outbox, upload, download } from './chat-net.js';
import {
  $, element, button, glyph, avatar, arrange, placeItem, previewOf, logNodes, menuNode, fileNode, dataList,
} from './chat-view.js';

const LOBBY = 'lobby';
/** Rooms by key: channels and conversations. */
const rooms = new Map();
/** Communities by id: { id, title, role, socket, others, online, people, problem } */
const spaces = new Map();
/** Files that are here, or on their way: id → { url, isPicture, progress, error } */
const files = new Map();
const sights = new Map();
const uploads = [];
let home = null;
let me = null;
let outbox = null;
let current = null;
let wanted = kept.get('current');
let requiresLogin = false;
let context = null; // { reply } or { edit }
let name = kept.get('name') ?? '';
const figures = { reconnects: 0, since: null, latency: null, node: '' };

// ---- rooms ----

const kindOf = (key) => ({ c: 'channel', d: 'direct', g: 'group' })[key[0]];
const spaceOf = (key) => (key[0] === 'c' ? key.split(':')[1] : '');
const socketOf = (key) => (key[0] === 'c' ? spaces.get(spaceOf(key))?.socket : home);

function roomFor(info, people) {
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

function placed(place) {
  const room = roomFor(place.room, place.people);
  room.last = Math.max(room.last, place.last);
  room.read = Math.max(room.read, place.read);
  if (place.message && (!room.message || place.message.seq >= room.message.seq)) room.message = place.message;
  return room;
}

const unreadOf = (room) => Math.max(0, room.last - room.read);

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

async function openRoom(room) {
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

async function olderMessages(room) {
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
    }
  } catch { room.stale = true; } finally { room.catching = false; render(); }
}

async function receive(message) {
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
  } else if (room.loaded) merge(room, [message]);
  else {
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

function changed(message) {
  const room = rooms.get(message.room);
  if (!room) return;
  const index = room.list.findIndex((other) => other.seq === message.seq);
  if (index >= 0 && room.list[index].rev < message.rev) room.list[index] = message;
  if (room.message?.seq === message.seq) room.message = message;
  render();
}

function marked({ room: key, person, read, delivered }) {
  const room = rooms.get(key);
  if (!room) return;
  room.markers.set(person, { person, read, delivered });
  if (person === me.id) room.read = Math.max(room.read, read);
  render();
}

// ---- reading ----

const isLooking = () => document.visibilityState === 'visible' && document.hasFocus() !== false;
const log = () => $('log');
const atBottom = () => log().scrollHeight - log().scrollTop - log().clientHeight < 80;

function toBottom() {
  log().scrollTop = log().scrollHeight;
  const room = rooms.get(current);
  if (room) room.below = 0;
  showJump();
}

function toDividerOrBottom(room) {
  const mark = log().querySelector('.divider.new');
  if (mark && unreadOf(room) > 3) log().scrollTop = Math.max(0, mark.offsetTop - 80);
  else toBottom();
}

let seenTimer = null;
/** The person looks at the newest messages of the room. */
function seen() {
  const room = rooms.get(current);
  if (!room || !room.loaded || !isLooking() || !atBottom() || unreadOf(room) === 0) return;
  room.read = room.last;
  room.below = 0;
  clearTimeout(seenTimer);
  seenTimer = setTimeout(() => {
    const socket = socketOf(room.key);
    if (socket?.connected) ask(socket, 'read', room.key, room.read).catch(() => { });
  }, 150);
  render();
}

function received(room) {
  clearTimeout(room.receivedTimer);
  room.receivedTimer = setTimeout(() => { if (home.connected) ask(home, 'received', room.key, room.last).catch(() => { }); }, 200);
}

// ---- saying ----

function statusOf(message) {
  if (message.seq) {
    const room = rooms.get(message.room);
    if (message.from !== me.id || !room || room.kind === 'channel' || message.deleted) return null;
    const others = [...room.markers.values()].filter((marker) => marker.person !== me.id);
    const newest = [...room.list].reverse().find((other) => other.from === me.id && !other.deleted);
    if (newest !== message || !others.length) return null;
    if (others.every((marker) => marker.read >= message.seq)) return { kind: 'is-read', text: `✓✓ ${t('read')}` };
    if (others.every((marker) => marker.delivered >= message.seq)) return { kind: 'is-delivered', text: `✓✓ ${t('delivered')}` };
    return { kind: 'is-sent', text: `✓ ${t('sent')}` };
  }
  if (message.failed) {
    return {
      kind: 'failed', text: t('failed', { reason: reasonText({ data: message.failed, message: message.failed.message }) }),
      buttons: [button('link', t('retry'), null, () => outbox.retry(message)), button('link', t('remove'), null, () => outbox.remove(message))],
    };
  }
  return { kind: 'pending', text: socketOf(message.key)?.connected ? t('sending') : t('waiting') };
}

function say(key, text, more = {}) {
  outbox.add({ key, room: key, id: newID(), text, from: me.id, name: me.name, time: Date.now(), rev: 0, ...more });
}

async function deliver(entry) {
  const socket = socketOf(entry.key);
  if (!socket?.connected) return null;
  return ask(socket, 'message', entry.key, { id: entry.id, text: entry.text, reply: entry.replySeq ?? null, file: entry.file?.id ?? null });
}

function submit() {
  const box = $('message'), text = box.value.replace(/\s+$/, '');
  const room = rooms.get(current);
  if (!room || !text.trim()) return;
  const size = new TextEncoder().encode(text).length;
  if (size > limits.maxTextBytes) return toast(t('tooLong', { n: size, limit: limits.maxTextBytes }));
  box.value = '';
  kept.set(`draft.${room.key}`, null);
  grow();
  if (context?.edit) {
    const { edit } = context;
    setContext(null);
    ask(socketOf(room.key), 'edit', room.key, edit.seq, text).then(changed, (error) => {
      toast(error.isLost ? t('lost') : reasonText(error));
      if (!box.value) { box.value = text; setContext({ edit }); grow(); }
    });
    return;
  }
  const more = {};
  if (context?.reply) {
    more.replySeq = context.reply.seq;
    more.reply = { seq: context.reply.seq, name: context.reply.name, text: context.reply.text.slice(0, 120) };
  }
  setContext(null);
  say(room.key, text, more);
  toBottom();
}

function setContext(value) {
  context = value;
  $('context').hidden = !value;
  if (value?.reply) $('context-text').textContent = t('replyTo', { name: value.reply.name, text: value.reply.text.split('\n')[0].slice(0, 60) });
  if (value?.edit) $('context-text').textContent = t('editing');
}

let typedAt = 0;
function typing() {
  const now = Date.now(), socket = socketOf(current ?? '');
  if (!current || !socket?.connected || now - typedAt < 3000) return;
  typedAt = now;
  ask(socket, 'typing', current).catch(() => { });
}

function someoneTypes({ room: key, person, name: who }) {
  const room = rooms.get(key);
  if (!room || person === me.id) return;
  room.typing.set(person, { who, until: Date.now() + 5000 });
  showTyping();
  setTimeout(showTyping, 5100);
}

function showTyping() {
  const room = rooms.get(current), now = Date.now();
  const people = room ? [...room.typing.values()].filter((entry) => entry.until > now) : [];
  $('typing').textContent = people.length === 0 ? '' : people.length === 1 ? t('isTyping', { name: people[0].who }) : t('areTyping');
}

// ---- files ----

const pictures = /^image\/(png|jpeg|gif|webp|avif)$/;

async function sendFile(file) {
  const room = rooms.get(current);
  if (!room) return;
  if (file.size === 0 || file.size > limits.maxFileBytes) return toast(t('tooLarge', { n: bytes(limits.maxFileBytes) }));
  const id = newID();
  const state = { progress: 0, isPicture: pictures.test(file.type) };
  files.set(id, state);
  const entry = {
    key: room.key, room: room.key, id, text: '', from: me.id, name: me.name, time: Date.now(), rev: 0,
    file: { id, name: file.name, type: file.type, size: file.size },
  };
  uploads.push(entry);
  render();
  toBottom();
  try {
    await upload(socketOf(room.key), file, id, (done) => { state.progress = done; renderLog(); }, () => !uploads.includes(entry));
    state.url = URL.createObjectURL(new Blob([file], { type: state.isPicture ? file.type : 'application/octet-stream' }));
    state.progress = undefined;
    outbox.add(entry);
  } catch (error) {
    if (uploads.includes(entry)) toast(error.data ? reasonText(error) : t('uploadFailed'));
  } finally {
    uploads.splice(uploads.indexOf(entry), 1);
    render();
  }
}

function fileOf(message) {
  const { file } = message;
  let state = files.get(file.id);
  if (!state) {
    state = { isPicture: pictures.test(file.type) };
    files.set(file.id, state);
    if (state.isPicture && file.size <= 2097152) fetchFile(message, state);
  }
  const stayed = atBottom();
  return fileNode(file, state, { fetch: () => fetchFile(message, state), loaded: () => { if (stayed) toBottom(); } });
}

async function fetchFile(message, state) {
  state.progress = 0;
  try {
    const pieces = await download(socketOf(message.room), message.room, message.file, (done) => { state.progress = done; });
    const type = state.isPicture ? message.file.type : 'application/octet-stream';
    state.url = URL.createObjectURL(new Blob(pieces, { type }));
  } catch (error) { state.error = reasonText(error); }
  state.progress = undefined;
  renderLog();
}

// ---- the page ----

const actions = {
  status: statusOf,
  file: fileOf,
  version: (message) => {
    const state = message.file && files.get(message.file.id);
    return state ? `${Boolean(state.url)} ${state.progress === undefined ? '' : Math.round(state.progress * 50)} ${state.error ?? ''}` : '';
  },
  react: (message, emoji, on) => {
    ask(socketOf(message.room), 'react', message.room, message.seq, emoji, on).then(changed, (error) => toast(error.isLost ? t('lost') : reasonText(error)));
  },
  jump: (seq) => jumpTo(seq),
  menu: openMenu,
};

let menu = null;
function closeMenu() {
  if (!menu) return;
  const { node, owner } = menu;
  menu = null;
  node.remove();
  owner.setAttribute('aria-expanded', 'false');
  owner.focus();
}

function openMenu(message, owner) {
  if (menu) { const same = menu.owner === owner; closeMenu(); if (same) return; }
  const socket = socketOf(message.room), mine = message.from === me.id;
  const failed = (error) => toast(error.isLost ? t('lost') : reasonText(error));
  const act = (work) => () => { closeMenu(); work(); };
  const items = [
    { emojis: ['👍', '❤️', '😂', '🎉', '😮', '😢'], act: (emoji) => { closeMenu(); actions.react(message, emoji, true); } },
    { text: t('reply'), act: act(() => { setContext({ reply: message }); $('message').focus(); }) },
  ];
  if (message.text) items.push({ text: t('copy'), act: act(() => navigator.clipboard?.writeText(message.text).then(() => toast(t('copied')), () => { })) });
  if (mine && message.text) {
    items.push({ text: t('edit'), act: act(() => { setContext({ edit: message }); $('message').value = message.text; grow(); $('message').focus(); }) });
  }
  if (mine || spaces.get(spaceOf(message.room))?.role === 'owner') {
    items.push({ text: t('delete'), className: 'danger', act: act(() => { if (confirm(t('deleteSure'))) ask(socket, 'delete', message.room, message.seq).then(changed, failed); }) });
  }
  if (!mine) {
    items.push({
      text: t('report'), act: act(() => {
        const why = prompt(t('reportWhy'));
        if (why !== null) ask(socket, 'report', message.room, message.seq, why.slice(0, 300)).then(() => toast(t('reported')), failed);
      }),
    });
  }
  const node = menuNode(items);
  owner.closest('.message').append(node);
  owner.setAttribute('aria-expanded', 'true');
  menu = { node, owner };
  const box = node.getBoundingClientRect(), within = log().getBoundingClientRect();
  if (box.bottom > within.bottom) node.classList.add('up');
  node.querySelector('button').focus();
}

async function jumpTo(seq) {
  const room = rooms.get(current);
  if (!room) return;
  for (let tries = 0; tries < 400 && room.list.length && room.list[0].seq > seq && room.more; tries += 1) await olderMessages(room);
  const node = log().querySelector(`[data-seq="${seq}"]`);
  if (!node) return;
  node.scrollIntoView({ block: 'center' });
  node.classList.add('flash');
  setTimeout(() => node.classList.remove('flash'), 1500);
}

function showJump() {
  const room = rooms.get(current), below = room?.below ?? 0;
  $('jump').hidden = !room || atBottom();
  $('jump').textContent = below ? t('newBelow', { n: below }) : t('toBottom');
  $('jump').classList.toggle('has-new', below > 0);
}

let drawing = false;
/** Draws once, soon, however often it is asked to. */
function render() {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => { drawing = false; draw(); });
}

function draw() {
  if (!me) return;
  drawPlaces();
  renderLog();
  drawHeading();
  if ($('people-dialog').open) drawPeople();
}

function renderLog() {
  const room = rooms.get(current);
  if (!room) return log().replaceChildren(element('li', 'empty', glyph('talk', 'glyph large'), element('p', '', t('noRoom')), element('p', 'phone', t('hintPhone'))));
  const stayed = atBottom();
  const waiting = outbox.entries.filter((entry) => entry.key === room.key && !room.list.some((message) => message.id === entry.id && message.from === me.id));
  arrange(log(), logNodes(room, [...waiting, ...uploads.filter((entry) => entry.key === room.key)], me.id, actions));
  if (stayed && drawnFor === room.key) log().scrollTop = log().scrollHeight;
  drawnFor = room.key;
  showJump();
  return undefined;
}
let drawnFor = null;

function drawPlaces() {
  const nodes = [];
  let total = 0;
  const list = (title, items, extra) => {
    const section = element('section', '', element('h2', '', title, ...(extra ?? [])));
    const ul = element('ul', '');
    ul.append(...items);
    section.append(ul);
    nodes.push(section);
  };
  const item = (room) => {
    const unread = room.key === current && isLooking() && atBottom() ? 0 : unreadOf(room);
    total += unread;
    return placeItem(room, room.key === current, unread, previewOf(room.message, me.id), sights.get(room.other?.id)?.here, () => show(room.key));
  };
  const newest = (a, b) => (b.message?.time ?? 0) - (a.message?.time ?? 0) || a.title.localeCompare(b.title);
  const talks = [...rooms.values()].filter((room) => room.kind !== 'channel').sort(newest);
  if (talks.length) list(t('conversations'), talks.map(item));
  for (const space of spaces.values()) {
    const items = [...rooms.values()].filter((room) => room.space === space.id).sort((a, b) => a.title.localeCompare(b.title)).map(item);
    for (const other of space.others) {
      const node = element('li', 'other');
      node.append(button('place', `# ${other.title}`, `${t('join')} ${other.title}`, () => joinChannel(space, other.key)));
      items.push(node);
    }
    const online = space.online ? [element('span', 'count', t('here', { n: space.online }))] : [];
    list(space.title, items, online);
  }
  const focused = document.activeElement?.closest?.('#places') ? [...$('places').querySelectorAll('button')].indexOf(document.activeElement) : -1;
  $('places').replaceChildren(...nodes);
  if (focused >= 0) $('places').querySelectorAll('button')[focused]?.focus();
  $('menu-badge').hidden = total === 0;
  $('menu-badge').textContent = total > 99 ? '99+' : String(total);
  $('menu-badge').setAttribute('aria-label', t('unread', { n: total }));
  const room = rooms.get(current);
  document.title = `${total ? `(${total}) ` : ''}${room ? room.title : t('chat')}`;
}

function sightText(person) {
  const sight = sights.get(person);
  if (!sight) return '';
  if (sight.here) return t('online');
  return sight.seen ? t('lastSeen', { time: `${new Date(sight.seen).toLocaleDateString(language, { month: 'short', day: 'numeric' })} ${clock(sight.seen)}` }) : t('unknownSeen');
}

function drawHeading() {
  const room = rooms.get(current);
  $('title').textContent = room ? (room.kind === 'channel' ? `# ${room.title}` : room.title) : t('chat');
  let subtitle = '';
  if (room?.kind === 'channel') {
    const space = spaces.get(room.space);
    subtitle = `${space?.title ?? ''} · ${t('here', { n: space?.online ?? 0 })}`;
  } else if (room?.kind === 'direct') subtitle = room.other ? sightText(room.other.id) : '';
  else if (room) subtitle = t('members', { n: room.people.length });
  $('subtitle').textContent = subtitle;
  const avatarBox = $('my-avatar');
  avatarBox.className = `avatar ${tint(me.id)}`;
  avatarBox.textContent = initials(me.name);
  $('my-name').textContent = me.name;
  $('message').disabled = $('send').disabled = $('attach').disabled = !room;
  showTyping();
}

/** Shows a room; the person comes back to it after a reload. */
function show(key) {
  const before = rooms.get(current);
  if (before && before.key !== key) {
    before.divider = null;
    before.below = 0;
    keepDraft();
  }
  current = key;
  wanted = key;
  kept.set('current', key);
  setMenu(false);
  closeSearch();
  const room = rooms.get(key);
  if (!room) { render(); return; }
  if (unreadOf(room) > 0 && room.divider === null) room.divider = room.read;
  setContext(null);
  $('message').value = kept.get(`draft.${key}`) ?? '';
  grow();
  drawnFor = null;
  draw();
  toDividerOrBottom(room);
  if (!room.loaded || room.stale) openRoom(room); else seen();
  if (matchMedia('(min-width: 701px)').matches) $('message').focus();
}

function keepDraft() {
  if (!current || context?.edit) return;
  kept.set(`draft.${current}`, $('message').value.trim() ? $('message').value : null);
}

function grow() {
  const box = $('message');
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
}

function setMenu(shown) {
  $('side').classList.toggle('shown', shown);
  $('shade').hidden = !shown;
  $('menu').setAttribute('aria-expanded', String(shown));
  if (shown) ($('places').querySelector('li.current button') ?? $('side-close')).focus();
}

let toastTimer = null;
function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $('toast').hidden = true; }, 6000);
}

function banner(text, kind = '') {
  $('banner').hidden = !text;
  $('banner').textContent = text ?? '';
  $('banner').dataset.kind = kind;
}

function showState(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text;
}

// ---- people ----

async function watch(space) {
  try {
    const crowd = await ask(space.socket, 'watch');
    space.online = crowd.online;
    space.people = crowd.people;
    render();
  } catch { /* the next connection does it */ }
}

function crowdChanged(space, { came, went, more }) {
  const here = new Map(space.people.map((person) => [person.id, person]));
  for (const person of came) here.set(person.id, person);
  for (const person of went) here.delete(person.id);
  space.online = Math.max(1, space.online + came.length - went.length + more);
  space.people = [...here.values()].slice(0, 200);
  const room = rooms.get(current);
  if (room?.space === space.id && came.length + went.length <= 3) {
    for (const person of came) if (person.id !== me.id) note(room, t('joined', { name: person.name }));
    for (const person of went) if (person.id !== me.id) note(room, t('left', { name: person.name }));
  }
  render();
}

function note(room, text) {
  room.notices.push({ after: room.last, text });
  if (room.notices.length > 20) room.notices.shift();
}

function drawPeople() {
  const room = rooms.get(current), space = spaces.get(room?.space ?? '');
  const people = room?.kind === 'channel' ? space?.people ?? [] : room?.people ?? [];
  $('people-count').textContent = room?.kind === 'channel' ? t('here', { n: space?.online ?? 0 }) : t('members', { n: people.length });
  $('people').replaceChildren(...people.slice().sort((a, b) => a.name.localeCompare(b.name)).map((person) => {
    const item = element('li');
    const isMe = person.id === me.id;
    const open = button('open', '', isMe ? null : t('directTo', { name: person.name }), () => direct(person));
    const here = room?.kind === 'channel' || sights.get(person.id)?.here || isMe;
    open.append(avatar(person, here ? 'here' : ''), element('span', 'name', isMe ? `${person.name} (${t('you')})` : person.name));
    open.disabled = isMe;
    item.append(open);
    if (room?.kind === 'channel' && space?.role === 'owner' && !isMe) {
      const act = (event, ...more) => ask(space.socket, event, person.id, ...more).then(() => toast('✓'), (error) => toast(reasonText(error)));
      item.append(button('icon', glyph('mute'), `${t('mute')}: ${person.name}`, () => act('mute', 10)));
      item.append(button('icon', glyph('remove'), `${t('kick')}: ${person.name}`, () => act('kick')));
    }
    return item;
  }));
  const all = [];
  if (room?.kind === 'channel') {
    if (space && space.id !== LOBBY) all.push(button('', t('inviteLink'), null, () => copyLink(`${location.origin}${location.pathname}#c=${space.id}`)));
    all.push(button('', t('leaveChannel'), null, () => leaveChannel(room)));
    if (space && space.id !== LOBBY) all.push(button('danger', t('leaveCommunity'), null, () => quit(space)));
  }
  $('room-actions').replaceChildren(...all);
}

function copyLink(text) {
  const done = () => toast(`${t('copied')} ${text}`);
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, done); else done();
}

async function direct(person) {
  try {
    const opening = await ask(home, 'direct', person.id);
    closeDialogs();
    const room = roomFor(opening.room, opening.people);
    show(room.key);
  } catch (error) { toast(error.isLost ? t('lost') : reasonText(error)); }
}

async function joinChannel(space, title) {
  const opening = await ask(space.socket, 'join', title);
  space.others = space.others.filter((other) => other.key !== opening.room.key);
  roomFor(opening.room);
  show(opening.room.key);
}

async function leaveChannel(room) {
  try {
    await ask(socketOf(room.key), 'leave', room.key);
    closeDialogs();
    forgetRoom(room.key);
  } catch (error) { toast(error.isLost ? t('lost') : reasonText(error)); }
}

function forgetRoom(key) {
  const room = rooms.get(key);
  if (!room) return;
  rooms.delete(key);
  const space = spaces.get(room.space);
  if (space && !space.others.some((other) => other.key === key)) space.others.push({ key, title: room.title });
  if (current === key) show([...rooms.keys()][0] ?? null);
  render();
}

async function quit(space) {
  try { await ask(space.socket, 'quit'); closeDialogs(); } catch (error) { toast(reasonText(error)); }
}

// ---- communities ----

function enterSpace(id, title, opens) {
  let space = spaces.get(id);
  if (space) { space.opens ||= opens; return space; }
  space = { id, title: title ?? '…', role: 'member', others: [], online: 0, people: [], socket: null, opens };
  spaces.set(id, space);
  const socket = connect(`/socket/commu-${id}`);
  space.socket = socket;
  socket.on('connect', async () => {
    try {
      const entered = await ask(socket, 'enter');
      space.title = entered.room.title;
      space.role = entered.role;
      space.others = entered.others;
      space.online = entered.online;
      for (const place of entered.places) placed(place);
      for (const room of rooms.values()) if (room.space === id) room.stale = true;
      const first = entered.places[0]?.room.key;
      if (space.opens && first) { space.opens = false; show(first); }
      else if (rooms.has(wanted) && current !== wanted && spaceOf(wanted) === id) show(wanted);
      else if (!current && first && !wanted) show(first);
      else if (spaceOf(current ?? '') === id) { const room = rooms.get(current); if (room) openRoom(room); }
      watch(space);
      outbox.runAll();
    } catch (error) { if (!error.isLost) toast(reasonText(error)); }
    render();
  });
  socket.on('connect_error', async (error) => {
    const code = error.data?.code;
    if (code === 'kicked' || code === 'no-community' || error.message === 'Invalid namespace') {
      leaveSpace(id);
      toast(code === 'kicked' ? t('kicked', { name: space.title }) : t('noCommunity'));
    } else if (code === 'away' || code === 'unauthorized') {
      await wait(2000);
      if (spaces.get(id) !== space) return;
      // Not known here any more: say once more who it is.
      if (code === 'unauthorized' && home.connected) home.disconnect().connect();
      socket.connect();
    }
  });
  socket.on('message', receive);
  socket.on('changed', changed);
  socket.on('marker', marked);
  socket.on('typing', someoneTypes);
  socket.on('people', (change) => crowdChanged(space, change));
  socket.on('channel', (room) => { if (!rooms.has(room.key) && !space.others.some((other) => other.key === room.key)) { space.others.push(room); render(); } });
  socket.on('joined', (room) => { space.others = space.others.filter((other) => other.key !== room.key); roomFor(room); render(); });
  socket.on('left', forgetRoom);
  socket.on('muted', (until) => { if (until) toast(t('mutedUntil', { time: clock(until) })); });
  socket.on('kicked', () => { leaveSpace(id); toast(t('kicked', { name: space.title })); });
  return space;
}

function leaveSpace(id) {
  const space = spaces.get(id);
  if (!space) return;
  spaces.delete(id);
  space.socket.disconnect();
  for (const room of [...rooms.values()]) if (room.space === id) rooms.delete(room.key);
  if (!rooms.has(current)) show([...rooms.keys()][0] ?? null);
  render();
}

// ---- coming and going ----

function refuse(text) {
  $('welcome').hidden = false;
  $('app').hidden = true;
  $('welcome-error').textContent = text;
  $('welcome-error').hidden = !text;
  $('enter').disabled = false;
  if (!requiresLogin) $('name').focus();
}

function enter() {
  if (typeof io === 'undefined') return refuse(t('noClient'));
  home = connect('/', () => name);
  window.socket = home;
  home.on('you', (you) => {
    const isNew = me?.id !== you.id;
    me = you;
    figures.node = you.node;
    Object.assign(limits, { maxTextBytes: you.maxTextBytes, maxFileBytes: you.maxFileBytes });
    if (you.token) { kept.set('person', you.token); kept.set('name', you.name); name = you.name; }
    forgetDevice();
    if (isNew) outbox = new Outbox(me.id, deliver, sent);
    $('welcome').hidden = true;
    $('app').hidden = false;
    $('device-box').hidden = $('rename-form').hidden = requiresLogin;
    arrive();
  });
  home.on('connect_error', async (error) => {
    const code = error.data?.code;
    if (code === 'away') {
      if ($('app').hidden) refuse(t('away')); else banner(t('away'));
      await wait(2000);
      home.connect();
    } else if (code === 'bad-name' || code === 'name-taken') {
      home.disconnect();
      $('welcome-name').hidden = false;
      if (me) { toast(reasonText(error)); name = me.name; home.connect(); } else refuse(reasonText(error));
    } else if (code) {
      if ($('app').hidden) refuse(login() ? t('loginEnded') : `${t('loginNeeded')} (${error.message})`);
      else ended();
    } else {
      showState('connecting', t('reconnecting'));
      if ($('app').hidden) refuse(t('cannotReach'));
    }
  });
  home.on('disconnect', (reason) => {
    figures.since = null;
    if (reason === 'io client disconnect') return;
    if (reason === 'io server disconnect') { if (!goodbye) ended(); return; }
    showState('connecting', t('reconnecting'));
    banner(t('lost'), 'warn');
    render();
  });
  home.io.on('reconnect', () => { figures.reconnects += 1; toast(t('back')); });
  home.on('token_expired', ended);
  home.on('message', receive);
  home.on('changed', changed);
  home.on('marker', marked);
  home.on('typing', someoneTypes);
  home.on('added', async (key) => { try { placed(await ask(home, 'place', key)); render(); } catch { /* with the next list */ } });
  home.on('community', (place) => enterSpace(place.room.key.slice(2), place.room.title));
  home.on('quit', leaveSpace);
  home.on('sight', (sight) => { sights.set(sight.person, sight); render(); });
  home.on('news', (news) => { const text = t('news', { text: String(news?.text ?? news).slice(0, 500) }); const room = rooms.get(current); if (room) note(room, text); banner(text, 'news'); render(); });
  return undefined;
}

let goodbye = false;
/** The login is over: nothing is thrown away, so that it goes on where it was after the next login. */
function ended() {
  showState('offline', t('offline'));
  banner(t('loginEnded'), 'warn');
  render();
}

async function arrive() {
  figures.since = Date.now();
  banner(null);
  const transport = () => {
    $('state').dataset.transport = home.io.engine.transport.name;
    showState('online', t('online'));
  };
  transport();
  home.io.engine.once('upgrade', transport);
  try {
    const places = await ask(home, 'home');
    for (const place of places.conversations) { const room = placed(place); room.stale = true; if (place.last > place.read) received(room); }
    const others = places.conversations.flatMap((place) => place.people ?? []).map((person) => person.id).filter((id) => id !== me.id);
    if (others.length) ask(home, 'look', [...new Set(others)].slice(0, 50)).then((all) => { for (const sight of all) sights.set(sight.person, sight); render(); }, () => { });
    if (wanted && rooms.has(wanted) && current !== wanted && spaceOf(wanted) === '') show(wanted);
    else if (current && rooms.has(current) && spaceOf(current) === '') openRoom(rooms.get(current));
    const known = new Set(places.communities.map((place) => place.room.key));
    for (const place of places.communities) enterSpace(place.room.key.slice(2), place.room.title);
    if (invitation) { enterSpace(invitation, null, true); invitation = null; }
    if (wanted && wanted[0] === 'c' && !known.has(`s:${spaceOf(wanted)}`)) wanted = null;
    if (wanted && wanted[0] !== 'c' && !rooms.has(wanted)) wanted = null;
  } catch (error) { if (!error.isLost) toast(reasonText(error)); }
  outbox.runAll();
  render();
}
let invitation = invited;

function sent(entry, message, code) {
  if (message) receive(message);
  if (code) toast(t(code));
  render();
}

function leave() {
  goodbye = true;
  kept.set('person', null);
  kept.set('name', null);
  kept.set('current', null);
  if (outbox) kept.set(outbox.key, null);
  const done = () => location.reload();
  if (home?.connected) { home.once('disconnect', done); home.emit('bye'); } else done();
}

// ---- searching ----

function closeSearch() {
  $('search-form').hidden = $('found').hidden = true;
  $('search').value = '';
}

let searchTimer = null;
$('search').addEventListener('input', () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(async () => {
    const text = $('search').value.trim();
    if (!current || text.length < 2) { $('found').hidden = true; return; }
    const found = await ask(socketOf(current), 'search', current, text).catch(() => []);
    $('found').hidden = false;
    $('found').replaceChildren(...(found.length ? found.map((message) => {
      const item = element('li');
      const node = button('', '', null, () => { closeSearch(); jumpTo(message.seq); });
      node.append(element('strong', '', message.name), element('span', '', message.text.slice(0, 120)), element('time', '', clock(message.time)));
      item.append(node);
      return item;
    }) : [element('li', 'notice', t('nothingFound'))]));
  }, 250);
});

// ---- listeners ----

const closeDialogs = () => { for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close(); };
for (const node of document.querySelectorAll('dialog .close')) node.addEventListener('click', () => node.closest('dialog').close());
for (const dialog of document.querySelectorAll('dialog')) dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });

$('welcome-form').addEventListener('submit', (event) => {
  event.preventDefault();
  name = $('name').value.trim();
  if (!name && !requiresLogin) return;
  $('enter').disabled = true;
  $('welcome-error').hidden = true;
  if (home) { home.connect(); } else enter();
});
$('message-form').addEventListener('submit', (event) => { event.preventDefault(); submit(); });
$('message').addEventListener('keydown', (event) => {
  const isPhone = matchMedia('(pointer: coarse)').matches;
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !isPhone) { event.preventDefault(); submit(); }
  if (event.key === 'Escape' && context) { if (context.edit) $('message').value = ''; setContext(null); }
});
$('message').addEventListener('input', () => { grow(); keepDraft(); typing(); });
$('message').addEventListener('paste', (event) => {
  const file = [...event.clipboardData?.files ?? []][0];
  if (file) { event.preventDefault(); sendFile(file); }
});
$('context-close').addEventListener('click', () => { if (context?.edit) $('message').value = ''; setContext(null); $('message').focus(); });
$('attach').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', () => { for (const file of $('file').files) sendFile(file); $('file').value = ''; });
log().addEventListener('dragover', (event) => event.preventDefault());
log().addEventListener('drop', (event) => { event.preventDefault(); for (const file of event.dataTransfer.files) sendFile(file); });
log().addEventListener('scroll', () => {
  const room = rooms.get(current);
  if (!room) return;
  if (log().scrollTop < 300) olderMessages(room);
  if (atBottom()) { room.below = 0; seen(); }
  showJump();
}, { passive: true });
$('jump').addEventListener('click', () => { toBottom(); seen(); $('message').focus(); });
$('menu').addEventListener('click', () => setMenu(!$('side').classList.contains('shown')));
$('side-close').addEventListener('click', () => { setMenu(false); $('menu').focus(); });
$('shade').addEventListener('click', () => setMenu(false));
$('search-open').addEventListener('click', () => { $('search-form').hidden = false; $('search').focus(); });
$('search-close').addEventListener('click', closeSearch);
$('search-form').addEventListener('submit', (event) => event.preventDefault());
$('people-open').addEventListener('click', () => { drawPeople(); $('people-dialog').showModal(); });
$('new-open').addEventListener('click', () => {
  const known = new Map();
  for (const space of spaces.values()) for (const person of space.people) if (person.id !== me.id) known.set(person.id, person);
  for (const room of rooms.values()) for (const person of room.people) if (person.id !== me.id) known.set(person.id, person);
  $('group-people').replaceChildren(...[...known.values()].map((person) => {
    const label = element('label', '');
    const box = element('input');
    box.type = 'checkbox';
    box.value = person.id;
    label.append(box, avatar(person), element('span', '', person.name));
    return element('li', '', label);
  }));
  const space = spaces.get(spaceOf(current ?? '')) ?? spaces.get(LOBBY);
  $('join-form').querySelector('label').textContent = `${t('joinChannel')}${space ? ` (${space.title})` : ''}`;
  $('new-error').hidden = true;
  $('new-dialog').showModal();
});

function trying(form, work) {
  $(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await work();
      $(form).reset();
      closeDialogs();
    } catch (error) {
      $('new-error').textContent = error.isLost ? t('lost') : reasonText(error);
      $('new-error').hidden = false;
    }
  });
}
trying('join-form', () => joinChannel(spaces.get(spaceOf(current ?? '')) ?? spaces.get(LOBBY), $('join-name').value.trim()));
trying('community-form', async () => {
  const place = await ask(home, 'create', $('community-name').value.trim());
  enterSpace(place.room.key.slice(2), place.room.title, true);
});
trying('group-form', async () => {
  const people = [...$('group-people').querySelectorAll('input:checked')].map((box) => box.value);
  const opening = await ask(home, 'group', $('group-name').value.trim(), people);
  show(roomFor(opening.room, opening.people).key);
});
$('settings-open').addEventListener('click', () => {
  $('rename').value = me.name;
  $('language').value = language;
  $('theme').value = kept.get('theme') ?? 'auto';
  $('device-link').textContent = '';
  $('settings-dialog').showModal();
});
$('rename-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const next = $('rename').value.trim();
  closeDialogs();
  if (!next || next === me.name) return;
  name = next;
  home.disconnect().connect();
  for (const space of spaces.values()) home.once('you', () => space.socket.disconnect().connect());
});
$('language').addEventListener('change', () => { kept.set('language', $('language').value); setLanguage($('language').value); render(); });
$('theme').addEventListener('change', () => { kept.set('theme', $('theme').value); setTheme(); });
$('device').addEventListener('click', async () => {
  try {
    const code = await ask(home, 'device');
    $('device-link').textContent = `${t('linkFor')}\n${location.origin}${location.pathname}#device=${code}`;
  } catch (error) { toast(reasonText(error)); }
});
$('bye').addEventListener('click', leave);
$('state').addEventListener('click', async () => {
  $('connection-dialog').showModal();
  while ($('connection-dialog').open) {
    if (home?.connected) {
      const start = performance.now();
      await ask(home, 'look', []).then(() => { figures.latency = Math.round(performance.now() - start); }, () => { });
    }
    dataList($('connection'), [
      [t('connection'), home?.connected ? t('online') : t('reconnecting')], [t('transport'), home?.io.engine?.transport?.name ?? '–'],
      [t('node'), figures.node || '–'], [t('latency'), figures.latency === null ? '–' : `${figures.latency} ms`],
      [t('reconnects'), String(figures.reconnects)], [t('since'), figures.since ? clock(figures.since) : '–'], [t('unsent'), String(outbox?.entries.length ?? 0)],
    ]);
    await wait(1000);
  }
});
document.addEventListener('visibilitychange', seen);
window.addEventListener('focus', seen);
// Browsers may keep a page that was left, with its connection; others would see the person for a while. If the page is
// shown again, it connects again.
window.addEventListener('pagehide', () => { keepDraft(); home?.io.engine?.close(); });
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (menu) closeMenu();
  else if ($('side').classList.contains('shown')) { setMenu(false); $('menu').focus(); } else if (!$('search-form').hidden) closeSearch();
});
document.addEventListener('click', (event) => { if (menu && !menu.node.contains(event.target) && !menu.owner.contains(event.target)) closeMenu(); }, true);

function setTheme() {
  const theme = kept.get('theme') ?? 'auto';
  document.documentElement.dataset.theme = theme;
}

setTheme();
setLanguage(kept.get('language') ?? (navigator.language ?? 'en').slice(0, 2));
(async () => {
  try { requiresLogin = (await (await fetch('chat.json')).json()).requiresLogin === true; } catch { /* as without a login */ }
  $('name').value = name;
  if (requiresLogin) {
    $('welcome-name').hidden = true;
    $('name').required = false;
    $('welcome-hint').textContent = t('loginNeeded');
  }
  if (login() || kept.get('person') || device) enter();
  else refuse('');
})();
