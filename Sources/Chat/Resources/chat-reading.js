// Reading: where the person is in the messages, and what counts as seen.
import { t } from './chat-text.js';
import { ask } from './chat-net.js';
import { $ } from './chat-view.js';
import { olderMessages, rooms, socketOf, unreadOf } from './chat-rooms.js';
import { current, render } from './chat-page.js';
import { home } from './chat-session.js';

export const isLooking = () => document.visibilityState === 'visible' && document.hasFocus() !== false;
export const log = () => $('log');
export const atBottom = () => log().scrollHeight - log().scrollTop - log().clientHeight < 80;

export function toBottom() {
  log().scrollTop = log().scrollHeight;
  const room = rooms.get(current);
  if (room) room.below = 0;
  showJump();
}

export function toDividerOrBottom(room) {
  const mark = log().querySelector('.divider.new');
  if (mark && unreadOf(room) > 3) log().scrollTop = Math.max(0, mark.offsetTop - 80);
  else toBottom();
}

let seenTimer = null;

/** The person looks at the newest messages of the room. */
export function seen() {
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

export function received(room) {
  clearTimeout(room.receivedTimer);
  room.receivedTimer = setTimeout(() => { if (home.connected) ask(home, 'received', room.key, room.last).catch(() => { }); }, 200);
}

export async function jumpTo(seq) {
  const room = rooms.get(current);
  if (!room) return;
  for (let tries = 0; tries < 400 && room.list.length && room.list[0].seq > seq && room.more; tries += 1) await olderMessages(room);
  const node = log().querySelector(`[data-seq="${seq}"]`);
  if (!node) return;
  node.scrollIntoView({ block: 'center' });
  node.classList.add('flash');
  setTimeout(() => node.classList.remove('flash'), 1500);
}

export function showJump() {
  const room = rooms.get(current), below = room?.below ?? 0;
  $('jump').hidden = !room || atBottom();
  $('jump').textContent = below ? t('newBelow', { n: below }) : t('toBottom');
  $('jump').classList.toggle('has-new', below > 0);
}
