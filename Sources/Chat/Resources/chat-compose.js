// Writing: messages, answers, changes and drafts, and who is typing.
import { reasonText, t } from './chat-text.js';
import { ask, kept, limits, newID } from './chat-net.js';
import { $, button } from './chat-view.js';
import { changed, rooms, socketOf } from './chat-rooms.js';
import { toBottom } from './chat-reading.js';
import { current, toast } from './chat-page.js';
import { me, outbox } from './chat-session.js';

/** What the text refers to: { reply } or { edit }, with a message. */
export let context = null;

export function statusOf(message) {
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

export async function deliver(entry) {
  const socket = socketOf(entry.key);
  if (!socket?.connected) return null;
  return ask(socket, 'message', entry.key, { id: entry.id, text: entry.text, reply: entry.replySeq ?? null, file: entry.file?.id ?? null });
}

export function submit() {
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

export function setContext(value) {
  context = value;
  $('context').hidden = !value;
  if (value?.reply) $('context-text').textContent = t('replyTo', { name: value.reply.name, text: value.reply.text.split('\n')[0].slice(0, 60) });
  if (value?.edit) $('context-text').textContent = t('editing');
}

let typedAt = 0;

export function typing() {
  const now = Date.now(), socket = socketOf(current ?? '');
  if (!current || !socket?.connected || now - typedAt < 3000) return;
  typedAt = now;
  ask(socket, 'typing', current).catch(() => { });
}

export function someoneTypes({ room: key, person, name: who }) {
  const room = rooms.get(key);
  if (!room || person === me.id) return;
  room.typing.set(person, { who, until: Date.now() + 5000 });
  showTyping();
  setTimeout(showTyping, 5100);
}

export function showTyping() {
  const room = rooms.get(current), now = Date.now();
  const people = room ? [...room.typing.values()].filter((entry) => entry.until > now) : [];
  $('typing').textContent = people.length === 0 ? '' : people.length === 1 ? t('isTyping', { name: people[0].who }) : t('areTyping');
}

export function keepDraft() {
  if (!current || context?.edit) return;
  kept.set(`draft.${current}`, $('message').value.trim() ? $('message').value : null);
}

export function grow() {
  const box = $('message');
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight + 2, 160)}px`;
}
