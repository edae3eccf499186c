// People: who is here, conversations, channels that are joined and left.
import { reasonText, t } from './chat-text.js';
import { ask } from './chat-net.js';
import { $, avatar, button, element, glyph } from './chat-view.js';
import { LOBBY, roomFor, rooms, sights, socketOf, spaces } from './chat-rooms.js';
import { closeDialogs, current, render, show, toast } from './chat-page.js';
import { home, me } from './chat-session.js';

export async function watch(space) {
  try {
    const crowd = await ask(space.socket, 'watch');
    space.online = crowd.online;
    space.people = crowd.people;
    render();
  } catch { /* the next connection does it */ }
}

export function crowdChanged(space, { came, went, more }) {
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

export function note(room, text) {
  room.notices.push({ after: room.last, text });
  if (room.notices.length > 20) room.notices.shift();
}

export function drawPeople() {
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
    all.push(button('', t('leaveChannel'), null, () => leaveRoom(room)));
    if (space && space.id !== LOBBY) all.push(button('danger', t('leaveCommunity'), null, () => quit(space)));
  } else if (room?.kind === 'group') {
    all.push(button('danger', t('leaveGroup'), null, () => { if (confirm(t('leaveGroupSure'))) leaveRoom(room); }));
  }
  $('room-actions').replaceChildren(...all);
}

/** Offers everybody who is known for a new group. Those who are offered already stay, with their ticks. */
export function drawChoices() {
  const list = $('group-people');
  const offered = new Set([...list.querySelectorAll('input')].map((box) => box.value));
  for (const { people } of [...spaces.values(), ...rooms.values()]) for (const person of people) {
    if (person.id === me.id || offered.has(person.id)) continue;
    offered.add(person.id);
    const label = element('label', '');
    const box = element('input');
    box.type = 'checkbox';
    box.value = person.id;
    label.append(box, avatar(person), element('span', '', person.name));
    list.append(element('li', '', label));
  }
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

export async function joinChannel(space, title) {
  const opening = await ask(space.socket, 'join', title);
  space.others = space.others.filter((other) => other.key !== opening.room.key);
  roomFor(opening.room);
  show(opening.room.key);
}

async function leaveRoom(room) {
  try {
    await ask(socketOf(room.key), 'leave', room.key);
    closeDialogs();
    forgetRoom(room.key);
  } catch (error) { toast(error.isLost ? t('lost') : reasonText(error)); }
}

/** Somebody has left a group; perhaps this person, on another device. */
export function departed({ room: key, person }) {
  if (person === me.id) return forgetRoom(key);
  const room = rooms.get(key), gone = room?.people.find((other) => other.id === person);
  if (!gone) return;
  room.people = room.people.filter((other) => other !== gone);
  room.markers.delete(person);
  note(room, t('left', { name: gone.name }));
  render();
}

export function forgetRoom(key) {
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
