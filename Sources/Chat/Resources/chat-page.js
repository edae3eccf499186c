// Draws the page, and shows a room.
import { clock, initials, language, t, tint } from './chat-text.js';
import { kept } from './chat-net.js';
import { $, arrange, button, element, glyph, logNodes, placeItem, previewOf } from './chat-view.js';
import { openRoom, rooms, sights, spaces, unreadOf } from './chat-rooms.js';
import { atBottom, isLooking, log, seen, showJump, toDividerOrBottom } from './chat-reading.js';
import { grow, keepDraft, setContext, showTyping } from './chat-compose.js';
import { uploads } from './chat-files.js';
import { actions } from './chat-menu.js';
import { drawChoices, drawPeople, joinChannel } from './chat-people.js';
import { me, outbox } from './chat-session.js';
import { closeSearch } from './chat-search.js';

/** The key of the room that is shown. */
export let current = null;
/** The key of the room that was shown at the last visit, until it is here. */
export let wanted = kept.get('current');
let drawing = false;

/** Draws once, soon, however often it is asked to. */
export function render() {
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
  if ($('new-dialog').open) drawChoices();
}

export function renderLog() {
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
export function show(key) {
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

/** The room of the last visit is not there any more. */
export function forgetWanted() { wanted = null; }

export function setMenu(shown) {
  $('side').classList.toggle('shown', shown);
  $('shade').hidden = !shown;
  $('menu').setAttribute('aria-expanded', String(shown));
  if (shown) ($('places').querySelector('li.current button') ?? $('side-close')).focus();
}

let toastTimer = null;

export function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $('toast').hidden = true; }, 6000);
}

export function banner(text, kind = '') {
  $('banner').hidden = !text;
  $('banner').textContent = text ?? '';
  $('banner').dataset.kind = kind;
}

export function showState(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text;
}

export const closeDialogs = () => { for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close(); };
