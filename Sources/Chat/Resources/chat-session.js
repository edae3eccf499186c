// Coming and going: who the person is, the connection, what is kept for them.
import { reasonText, t } from './chat-text.js';
import { Outbox, ask, connect, device, forgetDevice, invited, kept, limits, login, wait } from './chat-net.js';
import { $ } from './chat-view.js';
import { changed, marked, openRoom, placed, receive, rooms, sights, spaceOf } from './chat-rooms.js';
import { received } from './chat-reading.js';
import { deliver, someoneTypes } from './chat-compose.js';
import { banner, current, forgetWanted, render, show, showState, toast, wanted } from './chat-page.js';
import { departed, note } from './chat-people.js';
import { enterSpace, leaveSpace } from './chat-spaces.js';

/** The connection for the person and the conversations. */
export let home = null;
/** The person, as the server told: { id, name, … }; null before that. */
export let me = null;
/** Messages that the server has not confirmed. */
export let outbox = null;
/** Whether people come with a token from a login elsewhere. */
export let requiresLogin = false;
export let name = kept.get('name') ?? '';
/** What the dialog about the connection shows. */
export const figures = { reconnects: 0, since: null, latency: null, node: '' };

/** The community of the link that the person followed. */
let invitation = invited;

/** The name that the person asks for at the next connection. */
export function setName(wantedName) { name = wantedName; }

/** Enters when it is known who the person is; otherwise asks for a name. */
export async function start() {
  try { requiresLogin = (await (await fetch('chat.json')).json()).requiresLogin === true; } catch { /* as without a login */ }
  $('name').value = name;
  if (requiresLogin) {
    $('welcome-name').hidden = true;
    $('name').required = false;
    $('welcome-hint').textContent = t('loginNeeded');
  }
  if (login() || kept.get('person') || device) enter();
  else refuse('');
}

function refuse(text) {
  $('welcome').hidden = false;
  $('app').hidden = true;
  $('welcome-error').textContent = text;
  $('welcome-error').hidden = !text;
  $('enter').disabled = false;
  if (!requiresLogin) $('name').focus();
}

export function enter() {
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
    if (code === 'away' || code === 'full' || code === 'slow-down') {
      const text = code === 'slow-down' ? t('crowd') : t(code);
      if ($('app').hidden) refuse(text); else banner(text);
      await wait(code === 'away' ? 2000 : 10000);
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
  home.on('departed', departed);
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
    if (wanted && wanted[0] === 'c' && !known.has(`s:${spaceOf(wanted)}`)) forgetWanted();
    if (wanted && wanted[0] !== 'c' && !rooms.has(wanted)) forgetWanted();
  } catch (error) { if (!error.isLost) toast(reasonText(error)); }
  outbox.runAll();
  render();
}

function sent(entry, message, code) {
  if (message) receive(message);
  if (code) toast(t(code));
  render();
}

export function leave() {
  goodbye = true;
  kept.set('person', null);
  kept.set('name', null);
  kept.set('current', null);
  if (outbox) kept.set(outbox.key, null);
  const done = () => location.reload();
  if (home?.connected) { home.once('disconnect', done); home.emit('bye'); } else done();
}
