// What people do with a message.
import { reasonText, t } from './chat-text.js';
import { ask } from './chat-net.js';
import { $, menuNode } from './chat-view.js';
import { changed, socketOf, spaceOf, spaces } from './chat-rooms.js';
import { jumpTo, log } from './chat-reading.js';
import { grow, setContext, statusOf } from './chat-compose.js';
import { fileOf, files } from './chat-files.js';
import { toast } from './chat-page.js';
import { me } from './chat-session.js';

/** What the nodes of messages call. */
export const actions = {
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

/** The menu that is open: { node, owner } */
export let menu = null;

export function closeMenu() {
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
