// Communities: each has a connection of its own.
import { clock, reasonText, t } from './chat-text.js';
import { ask, connect, wait } from './chat-net.js';
import { changed, marked, openRoom, placed, receive, roomFor, rooms, spaceOf, spaces } from './chat-rooms.js';
import { someoneTypes } from './chat-compose.js';
import { current, render, show, toast, wanted } from './chat-page.js';
import { crowdChanged, forgetRoom, watch } from './chat-people.js';
import { home, outbox } from './chat-session.js';

export function enterSpace(id, title, opens) {
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
    } else if (code === 'away' || code === 'unauthorized' || code === 'full') {
      await wait(code === 'full' ? 10000 : 2000);
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

export function leaveSpace(id) {
  const space = spaces.get(id);
  if (!space) return;
  spaces.delete(id);
  space.socket.disconnect();
  for (const room of [...rooms.values()]) if (room.space === id) rooms.delete(room.key);
  if (!rooms.has(current)) show([...rooms.keys()][0] ?? null);
  render();
}
