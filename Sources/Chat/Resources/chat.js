// The chat page. Everything that comes from a person is put in as text, never as HTML.
'use strict';

const $ = (id) => document.getElementById(id);
const LOBBY = 'lobby';
const DRAFT_NAME = 'chat.name';

/** Open places: rooms and 1:1 conversations, by the key the server names them with. */
const places = new Map();   // key → { key, title, kind: 'room' | 'direct', people: Set, entries: [], unread }
const listed = new Map();   // public room → number of people, also of rooms we are not in
let socket = null;
let me = '';
let current = null;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(className, text, label, action) {
  const node = element('button', className, text);
  node.type = 'button';
  if (label) node.setAttribute('aria-label', label);
  node.addEventListener('click', action);
  return node;
}

/** Why the server refused, if it did. */
const reasonOf = (answer) => answer && answer.error && answer.error.message;

// ---- connection ----

function connect(name) {
  if (typeof io === 'undefined') {
    return refuse('The Socket.IO client file is not being served. On the server, run "make client" and start again.');
  }
  const tab = sessionStorage.getItem('chat.tab') || Math.random().toString(36).slice(2) + Date.now().toString(36);
  sessionStorage.setItem('chat.tab', tab);
  const base = new URL('socket.io', document.baseURI).pathname;
  // Where people log in elsewhere, that page sends them here with their token: /#token=…
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  socket = io({ path: base, auth: token ? { name, tab, token } : { name, tab }, ackTimeout: 8000 });
  window.socket = socket;

  socket.on('connect', () => {
    me = name;
    sessionStorage.setItem(DRAFT_NAME, name);
    $('welcome').hidden = true;
    $('app').hidden = false;
    showOnline();
    socket.io.engine.once('upgrade', showOnline);
    const again = [...places.values()].filter((place) => place.kind === 'room').map((place) => place.title);
    const partners = [...places.values()].filter((place) => place.kind === 'direct').map((place) => place.title);
    for (const room of again.length ? again : [LOBBY]) join(room, again.length === 0);
    for (const partner of partners) openDirect(partner, false);
    refreshRooms();
    $('message').focus();
  });
  socket.on('connect_error', (error) => {
    if (error.data && error.data.code) { // refused by the chat itself, so trying again by itself is no use
      socket.disconnect();
      socket = null;
      refuse(error.message);
      return;
    }
    showState('connecting', 'cannot connect, trying again…');
    if ($('app').hidden) refuse('The server cannot be reached. Trying again…');
  });
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect' || reason === 'io client disconnect') {
      showState('offline', 'left');
      leaveChat();
    } else {
      showState('connecting', 'connection lost, reconnecting…');
      for (const place of places.values()) note(place, 'Connection lost. Reconnecting…');
    }
    setComposing();
  });
  socket.io.on('reconnect_attempt', (attempt) => showState('connecting', `reconnecting (${attempt})…`));
  socket.io.on('reconnect', () => {
    for (const place of places.values()) note(place, 'Back online.');
  });

  socket.on('message', (message) => receive(message));
  socket.on('joined', ({ room, name: who }) => {
    const place = places.get(room);
    if (!place || place.people.has(who)) return;
    place.people.add(who);
    note(place, `${who} joined`);
  });
  socket.on('left', ({ room, name: who }) => {
    const place = places.get(room);
    if (!place || !place.people.delete(who)) return;
    note(place, `${who} left`);
  });
  // Servers could not hear each other for a while, or one has died: these lists are how things are now.
  socket.on('people', ({ room, people }) => {
    const place = places.get(room);
    if (!place) return;
    const before = place.people;
    place.people = new Set(people);
    for (const who of before) if (!place.people.has(who)) note(place, `${who} left`);
    for (const who of people) if (!before.has(who)) note(place, `${who} joined`);
    showPlaces();
  });
  socket.on('you', (known) => {
    me = known;
    showOnline();
  });
  socket.on('token_expired', () => { for (const place of places.values()) note(place, 'Your login has ended.'); });
  socket.on('rooms', showListed);
  socket.on('room', ({ name: room, people }) => {
    if (people > 0) listed.set(room, people); else listed.delete(room);
    showPlaces();
  });
  socket.on('direct', ({ room, with: partner, history }) => {
    openPlace(room, partner, 'direct', [partner, me], history);
  });
}

function refuse(text) {
  $('welcome').hidden = false;
  $('app').hidden = true;
  $('welcome-error').textContent = text;
  $('welcome-error').hidden = false;
  $('enter').disabled = false;
  $('name').focus();
}

function showState(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text;
}

function showOnline() {
  const transport = socket.io.engine.transport.name;
  showState('online', `${me} · ${transport}`);
  $('state').dataset.transport = transport;
  setComposing();
}

function leaveChat() {
  places.clear();
  listed.clear();
  current = null;
  $('log').replaceChildren();
  sessionStorage.removeItem(DRAFT_NAME);
  $('app').hidden = true;
  $('welcome').hidden = false;
  $('welcome-error').hidden = true;
  $('enter').disabled = false;
  $('name').value = me;
}

// ---- places ----

function openPlace(key, title, kind, people, history) {
  let place = places.get(key);
  if (!place) {
    place = { key, title, kind, people: new Set(), entries: [], unread: 0 };
    places.set(key, place);
  }
  place.people = new Set(people);
  const known = new Set(place.entries.map((entry) => entry.id).filter(Boolean));
  for (const message of history || []) if (!known.has(message.id)) place.entries.push(message);
  if (!current) show(key);
  else if (current === key) showLog();
  showPlaces();
  return place;
}

function join(room, open = true) {
  socket.timeout(8000).emit('join', room, (error, answer) => {
    if (error || answer.error) return warn(reasonOf(answer) || `Could not join ${room}.`);
    openPlace(answer.key, answer.room, 'room', answer.people, answer.history);
    if (open) show(answer.key);
  });
}

function openDirect(partner, open = true) {
  socket.timeout(8000).emit('direct', partner, (error, answer) => {
    if (error || answer.error) return warn(reasonOf(answer) || `${partner} cannot be reached.`);
    openPlace(answer.key, partner, 'direct', [partner, me], answer.history);
    if (open) show(answer.key);
  });
}

function closePlace(place) {
  const forget = () => {
    places.delete(place.key);
    if (current === place.key) show([...places.keys()][0] || null);
    showPlaces();
  };
  socket.timeout(8000).emit('leave', place.key, (error) => error ? warn(`Could not leave ${place.title}.`) : forget());
}

function refreshRooms() {
  socket.timeout(8000).emit('rooms', (error, rooms) => {
    if (!error && Array.isArray(rooms)) showListed(rooms);
  });
}

function showListed(rooms) {
  listed.clear();
  for (const { name, people } of rooms) listed.set(name, people);
  showPlaces();
}

function show(key) {
  current = key;
  const place = places.get(key);
  if (place) place.unread = 0;
  $('title').textContent = place ? (place.kind === 'room' ? `# ${place.title}` : place.title) : 'Chat';
  setMenu(false);
  showLog();
  showPlaces();
  setComposing();
}

function setComposing() {
  const ready = Boolean(socket && socket.connected && places.has(current));
  $('message').disabled = $('send').disabled = !ready;
}

function placeItem(place) {
  const item = element('li', current === place.key ? 'current' : '');
  if (place.unread) item.classList.add('unread');
  item.append(button('open', place.kind === 'room' ? `# ${place.title}` : place.title, null, () => show(place.key)));
  if (place.unread) item.append(element('span', 'badge', String(place.unread)));
  item.append(button('close', '×', `Leave ${place.title}`, () => closePlace(place)));
  return item;
}

function showPlaces() {
  const joined = [...places.values()];
  const rooms = joined.filter((place) => place.kind === 'room').map(placeItem);
  const open = new Set(joined.filter((place) => place.kind === 'room').map((place) => place.title));
  for (const [room, people] of [...listed].sort()) {
    if (open.has(room)) continue;
    const item = element('li');
    item.append(button('open', `# ${room}`, `Join ${room}`, () => join(room)), element('span', 'count', String(people)));
    rooms.push(item);
  }
  $('rooms').replaceChildren(...rooms);
  $('conversations').replaceChildren(...joined.filter((place) => place.kind === 'direct').map(placeItem));

  const place = places.get(current);
  const people = place ? [...place.people].sort((a, b) => a.localeCompare(b)) : [];
  $('people-count').textContent = people.length ? String(people.length) : '';
  $('people').replaceChildren(...people.map((name) => {
    const item = element('li');
    const open = button('open', name === me ? `${name} (you)` : name, null, () => openDirect(name));
    open.disabled = name === me;
    open.title = name === me ? '' : `Talk to ${name} alone`;
    item.append(open);
    return item;
  }));
}

// ---- messages ----

function entryNode(entry) {
  if (entry.notice) return element('li', 'notice', entry.notice);
  const node = element('li', 'message' + (entry.from === me ? ' mine' : ''));
  if (entry.pending) node.classList.add('pending');
  if (entry.failed) node.classList.add('failed');
  node.append(element('span', 'from', entry.from));
  const when = entry.failed ? 'not delivered' : entry.pending ? 'sending…'
    : new Date(entry.time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  node.append(element('span', 'when', when), element('div', 'text', entry.text));
  return node;
}

function showLog() {
  const place = places.get(current);
  $('log').replaceChildren(...(place ? place.entries.map(entryNode) : []));
  $('log').scrollTop = $('log').scrollHeight;
}

function add(place, entry) {
  place.entries.push(entry);
  if (place.entries.length > 500) place.entries.shift();
  if (place.key === current) {
    $('log').append(entryNode(entry));
    $('log').scrollTop = $('log').scrollHeight;
  }
}

function note(place, notice) {
  add(place, { notice });
  showPlaces();
}

function warn(text) {
  const place = places.get(current);
  if (place) note(place, text);
}

function receive(message) {
  const place = places.get(message.room);
  if (!place || place.entries.some((entry) => entry.id === message.id)) return;
  add(place, message);
  if (place.key !== current || document.hidden) place.unread += 1;
  showPlaces();
}

function send(text) {
  const place = places.get(current);
  if (!place) return;
  const entry = { room: place.key, from: me, text, time: Date.now(), pending: true };
  add(place, entry);
  socket.timeout(8000).emit('message', place.key, text, (error, receipt) => {
    entry.pending = false;
    if (error || receipt.error) entry.failed = true;
    else Object.assign(entry, receipt);
    if (place.key === current) showLog();
    if (reasonOf(receipt)) warn(reasonOf(receipt));
  });
}

// ---- the page ----

function setMenu(shown) {
  $('side').classList.toggle('shown', shown);
  $('shade').hidden = !shown;
  $('menu').setAttribute('aria-expanded', String(shown));
}

$('welcome-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = $('name').value.trim();
  if (!name) return;
  $('enter').disabled = true;
  $('welcome-error').hidden = true;
  if (socket) socket.disconnect();
  connect(name);
});
$('join-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const room = $('join-name').value.trim();
  if (room) join(room);
  $('join-name').value = '';
});
$('message-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('message').value.trim();
  if (text) send(text);
  $('message').value = '';
});
$('bye').addEventListener('click', () => {
  if (socket && socket.connected) socket.emit('bye');
  else leaveChat();
});
$('menu').addEventListener('click', () => setMenu(!$('side').classList.contains('shown')));
$('shade').addEventListener('click', () => setMenu(false));
document.addEventListener('visibilitychange', () => {
  const place = places.get(current);
  if (!document.hidden && place && place.unread) {
    place.unread = 0;
    showPlaces();
  }
});

const remembered = sessionStorage.getItem(DRAFT_NAME);
if (remembered) {
  $('name').value = remembered;
  connect(remembered);
} else {
  $('name').focus();
}
