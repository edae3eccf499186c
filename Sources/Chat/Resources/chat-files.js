// Files that people send each other.
import { bytes, reasonText, t } from './chat-text.js';
import { download, limits, newID, upload } from './chat-net.js';
import { fileNode } from './chat-view.js';
import { rooms, socketOf } from './chat-rooms.js';
import { atBottom, toBottom } from './chat-reading.js';
import { current, render, renderLog, toast } from './chat-page.js';
import { me, outbox } from './chat-session.js';

/** Files that are here, or on their way: id → { url, isPicture, progress, error } */
export const files = new Map();

export const uploads = [];
const pictures = /^image\/(png|jpeg|gif|webp|avif)$/;

export async function sendFile(file) {
  const room = rooms.get(current);
  if (!room) return;
  if (file.size === 0 || file.size > limits.maxFileBytes) return toast(t('tooLarge', { n: bytes(limits.maxFileBytes) }));
  const id = newID();
  const state = { progress: 0, isPicture: pictures.test(file.type) };
  files.set(id, state);
  const entry = {
    key: room.key, room: room.key, id, text: '', from: me.id, name: me.name, time: Date.now(), rev: 0,
    file: { id, name: file.name, type: file.type, size: file.size },
  };
  uploads.push(entry);
  render();
  toBottom();
  try {
    await upload(socketOf(room.key), file, id, (done) => { state.progress = done; renderLog(); }, () => !uploads.includes(entry));
    state.url = URL.createObjectURL(new Blob([file], { type: state.isPicture ? file.type : 'application/octet-stream' }));
    state.progress = undefined;
    outbox.add(entry);
  } catch (error) {
    if (uploads.includes(entry)) toast(error.data ? reasonText(error) : t('uploadFailed'));
  } finally {
    uploads.splice(uploads.indexOf(entry), 1);
    render();
  }
}

export function fileOf(message) {
  const { file } = message;
  let state = files.get(file.id);
  if (!state) {
    state = { isPicture: pictures.test(file.type) };
    files.set(file.id, state);
    if (state.isPicture && file.size <= 2097152) fetchFile(message, state);
  }
  const stayed = atBottom();
  return fileNode(file, state, { fetch: () => fetchFile(message, state), loaded: () => { if (stayed) toBottom(); } });
}

async function fetchFile(message, state) {
  state.progress = 0;
  try {
    const pieces = await download(socketOf(message.room), message.room, message.file, (done) => { state.progress = done; });
    const type = state.isPicture ? message.file.type : 'application/octet-stream';
    state.url = URL.createObjectURL(new Blob(pieces, { type }));
  } catch (error) { state.error = reasonText(error); }
  state.progress = undefined;
  renderLog();
}
