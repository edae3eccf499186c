// Searching the messages of a room.
import { clock, t } from './chat-text.js';
import { ask } from './chat-net.js';
import { $, button, element } from './chat-view.js';
import { socketOf } from './chat-rooms.js';
import { jumpTo } from './chat-reading.js';
import { current } from './chat-page.js';

export function closeSearch() {
  $('search-form').hidden = $('found').hidden = true;
  $('search').value = '';
}

let searchTimer = null;

$('search').addEventListener('input', () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(async () => {
    const text = $('search').value.trim();
    if (!current || text.length < 2) { $('found').hidden = true; return; }
    const found = await ask(socketOf(current), 'search', current, text).catch(() => []);
    $('found').hidden = false;
    $('found').replaceChildren(...(found.length ? found.map((message) => {
      const item = element('li');
      const node = button('', '', null, () => { closeSearch(); jumpTo(message.seq); });
      node.append(element('strong', '', message.name), element('span', '', message.text.slice(0, 120)), element('time', '', clock(message.time)));
      item.append(node);
      return item;
    }) : [element('li', 'notice', t('nothingFound'))]));
  }, 250);
});
