// What is seen of rooms and messages.
import { t, clock, day, sameDay, initials, tint, linked, bytes, reasonText } from './chat-text.js';

export const $ = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const glyphs = {
  more: 'M5 12h.01M12 12h.01M19 12h.01', file: 'M7 3h7l5 5v13H7zM14 3v5h5', mute: 'M4 9v6h4l5 4V5L8 9zM17 9l5 6M22 9l-5 6', remove: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6 1.5 0 2.9.4 4 1.1M16 17h6', talk: 'M4 5h16v11H9l-5 4z',
};

/** A drawn sign; fonts with signs are not everywhere. */
export function glyph(name, className = 'glyph') {
  const space = 'http://www.w3.org/2000/svg';
  const node = document.createElementNS(space, 'svg');
  node.setAttribute('viewBox', '0 0 24 24');
  node.setAttribute('class', className);
  node.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', glyphs[name]);
  node.append(path);
  return node;
}

export function button(className, text, label, action) {
  const node = element('button', className, text);
  node.type = 'button';
  if (label) { node.setAttribute('aria-label', label); node.title = label; }
  node.addEventListener('click', action);
  return node;
}

export function avatar(person, className = '') {
  const node = element('span', `avatar ${tint(person.id)} ${className}`, initials(person.name));
  node.setAttribute('aria-hidden', 'true');
  return node;
}

/** Puts nodes in place of the children of another one, and moves only those that stand elsewhere. */
export function arrange(parent, nodes) {
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) { place = place.nextSibling; continue; }
    parent.insertBefore(node, place);
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}

// ---- the list of rooms ----

export function placeItem(room, isCurrent, unread, preview, here, open) {
  const item = element('li', isCurrent ? 'current' : '');
  const node = button('place', '', null, open);
  if (isCurrent) node.setAttribute('aria-current', 'true');
  if (room.kind === 'channel') node.append(element('span', 'hash', '#'));
  else node.append(avatar({ id: room.other?.id ?? room.key, name: room.title }, here ? 'here' : ''));
  const lines = element('span', 'lines', element('span', 'name', room.title));
  if (preview) lines.append(element('span', 'preview', preview));
  node.append(lines);
  if (unread) {
    item.classList.add('unread');
    const badge = element('span', 'badge', unread > 99 ? '99+' : String(unread));
    badge.setAttribute('aria-label', t('unread', { n: unread }));
    node.append(badge);
  }
  item.append(node);
  return item;
}

export function previewOf(message, me) {
  if (!message) return '';
  const text = message.deleted ? t('deleted') : message.text || message.file?.name || '';
  return `${message.from === me ? t('you') : message.name}: ${text.split('\n')[0].slice(0, 80)}`;
}

// ---- messages ----

/** Nodes of messages that look as they did, by what they look like. */
const nodes = new WeakMap();

function cached(message, look, make) {
  const old = nodes.get(message);
  if (old?.look === look) return old.node;
  const node = make();
  nodes.set(message, { look, node });
  return node;
}

function bubble(message, actions) {
  const body = element('div', 'body');
  if (message.deleted) body.append(element('p', 'text gone', t('deleted')));
  else {
    if (message.reply) {
      const quote = button('quote', '', null, () => actions.jump(message.reply.seq));
      quote.append(element('strong', '', message.reply.name), element('span', '', message.reply.text || t('fileWord')));
      body.append(quote);
    }
    if (message.text) {
      const text = element('p', 'text', ...linked(message.text));
      text.dir = 'auto';
      body.append(text);
    }
    if (message.file) body.append(actions.file(message));
  }
  return body;
}

function reactionRow(message, me, actions) {
  const row = element('div', 'reactions');
  for (const { emoji, people } of message.reactions ?? []) {
    const mine = people.includes(me);
    const node = button(mine ? 'reaction mine' : 'reaction', `${emoji} ${people.length}`, t('react', { emoji }), () => actions.react(message, emoji, !mine));
    node.setAttribute('aria-pressed', String(mine));
    row.append(node);
  }
  return row;
}

function head(message, mine) {
  const name = element('span', 'from', message.name);
  const time = element('time', 'when', clock(message.time));
  time.dateTime = new Date(message.time).toISOString();
  return element('div', 'head', name, mine ? null : null, time);
}

/** A message as a list item. `before` is the one above it. */
export function messageNode(message, before, me, status, actions) {
  const follows = before && !before.notice && before.from === message.from && sameDay(before.time, message.time)
    && message.time - before.time < 300000 && !message.reply;
  const mine = message.from === me;
  const look = [message.rev, follows, status?.text, status?.kind, actions.version(message), document.documentElement.lang].join('|');
  return cached(message, look, () => {
    const item = element('li', `message${mine ? ' mine' : ''}${follows ? ' follows' : ''}`);
    item.dataset.seq = message.seq ?? '';
    if (!follows) item.append(avatar({ id: message.from, name: message.name }));
    const content = element('div', 'content');
    if (!follows) content.append(head(message, mine));
    content.append(bubble(message, actions));
    if (message.reactions?.length) content.append(reactionRow(message, me, actions));
    const state = element('div', 'meta');
    if (message.edited && !message.deleted) state.append(element('span', 'edited', t('edited')));
    if (follows) { const time = element('time', 'when quiet', clock(message.time)); state.append(time); }
    if (status) {
      item.classList.add(status.kind);
      state.append(element('span', 'status', status.text));
      for (const node of status.buttons ?? []) state.append(node);
    }
    if (state.childNodes.length) content.append(state);
    item.append(content);
    if (message.seq && !message.deleted) {
      const open = button('icon more', glyph('more'), t('more'), (event) => actions.menu(message, event.currentTarget));
      open.setAttribute('aria-haspopup', 'menu');
      item.append(open);
    }
    return item;
  });
}

export function divider(text, className) {
  const node = element('li', `divider ${className}`, element('span', '', text));
  node.setAttribute('role', 'separator');
  return node;
}

export const notice = (text) => element('li', 'notice', text);

/** Everything that stands in the log of a room, from top to bottom. */
export function logNodes(room, waiting, me, actions) {
  const all = [];
  if (room.loading && !room.list.length) {
    for (let i = 0; i < 6; i += 1) all.push(element('li', 'skeleton'));
    return all;
  }
  if (room.more) all.push(notice(t('loading')));
  else if (room.list.length) all.push(notice(t('begin')));
  else if (!waiting.length) {
    const hint = element('li', 'empty', glyph('talk', 'glyph large'), element('p', '', t('noMessages')));
    all.push(hint);
  }
  let before = null;
  let notices = room.notices.slice();
  const flush = (seq) => { while (notices.length && notices[0].after < seq) all.push(notice(notices.shift().text)); };
  for (const message of room.list) {
    flush(message.seq);
    if (!before || !sameDay(before.time, message.time)) { all.push(divider(day(message.time), 'day')); before = null; }
    if (room.divider !== null && message.seq > room.divider && (!room.list.length || !room.dividerShown) && message.from !== me) {
      all.push(divider(t('isNew'), 'new'));
      room.dividerShown = true;
      before = null;
    }
    all.push(messageNode(message, before, me, actions.status(message), actions));
    before = message;
  }
  room.dividerShown = false;
  flush(Infinity);
  for (const entry of waiting) {
    all.push(messageNode(entry, before, me, actions.status(entry), actions));
    before = entry;
  }
  return all;
}

/** The menu of a message. */
export function menuNode(items) {
  const menu = element('div', 'menu');
  menu.setAttribute('role', 'menu');
  for (const item of items) {
    if (item.emojis) {
      const row = element('div', 'emojis');
      for (const emoji of item.emojis) {
        const node = button('emoji', emoji, t('react', { emoji }), () => item.act(emoji));
        node.setAttribute('role', 'menuitem');
        row.append(node);
      }
      menu.append(row);
      continue;
    }
    const node = button(item.className ?? '', item.text, null, item.act);
    node.setAttribute('role', 'menuitem');
    menu.append(node);
  }
  menu.addEventListener('keydown', (event) => {
    const all = [...menu.querySelectorAll('button')];
    const at = all.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' || event.key === 'ArrowRight') { event.preventDefault(); all[(at + 1) % all.length].focus(); }
    if (event.key === 'ArrowUp' || event.key === 'ArrowLeft') { event.preventDefault(); all[(at + all.length - 1) % all.length].focus(); }
  });
  return menu;
}

export function fileNode(file, state, actions) {
  const box = element('div', 'file');
  if (state.url && state.isPicture) {
    const picture = element('img', 'picture');
    picture.alt = file.name;
    picture.src = state.url;
    picture.addEventListener('load', actions.loaded);
    const open = element('a', '', picture);
    open.href = state.url;
    open.download = file.name;
    box.append(open);
    return box;
  }
  const line = element('div', 'file-line', glyph('file'), element('span', 'file-name', file.name), element('span', 'file-size', bytes(file.size)));
  box.append(line);
  if (state.url) {
    const open = element('a', 'button', t('download'));
    open.href = state.url;
    open.download = file.name;
    box.append(open);
  } else if (state.progress !== undefined) {
    const bar = element('progress', '');
    bar.max = 1;
    bar.value = state.progress;
    bar.setAttribute('aria-label', file.name);
    box.append(bar);
  } else if (state.error) box.append(element('span', 'error', state.error));
  else box.append(button('', t('download'), null, actions.fetch));
  return box;
}

export function dataList(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element('dt', '', name), element('dd', '', value)]));
}
