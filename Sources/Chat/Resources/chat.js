// The chat page: what the person does, and the start. Loads the other scripts.
import { clock, language, reasonText, setLanguage, t } from './chat-text.js';
import { ask, kept, wait } from './chat-net.js';
import { $, dataList, element } from './chat-view.js';
import { LOBBY, olderMessages, roomFor, rooms, spaceOf, spaces } from './chat-rooms.js';
import { atBottom, log, seen, showJump, toBottom } from './chat-reading.js';
import { context, grow, keepDraft, setContext, submit, typing } from './chat-compose.js';
import { sendFile } from './chat-files.js';
import { closeMenu, menu } from './chat-menu.js';
import { closeDialogs, current, render, setMenu, show, toast } from './chat-page.js';
import { drawChoices, drawPeople, joinChannel } from './chat-people.js';
import { enterSpace } from './chat-spaces.js';
import { enter, figures, home, leave, me, name, outbox, requiresLogin, setName, start } from './chat-session.js';
import { closeSearch } from './chat-search.js';

for (const node of document.querySelectorAll('dialog .close')) node.addEventListener('click', () => node.closest('dialog').close());

for (const dialog of document.querySelectorAll('dialog')) dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });

$('welcome-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setName($('name').value.trim());
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
  $('group-people').replaceChildren();
  drawChoices();
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
  setName(next);
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

start();
