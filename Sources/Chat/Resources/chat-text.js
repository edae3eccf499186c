// Words in two languages, and what is made of texts. Everything that comes from a person is put in as text, never as HTML.
const words = {
  en: {
    chat: 'Chat', chooseName: 'Choose the name that others will see.', yourName: 'Your name', nameExample: 'e.g. Ada',
    enter: 'Enter', roomsAndPeople: 'Rooms and people', settings: 'Settings', close: 'Close', cancel: 'Cancel',
    newPlace: '+ New', search: 'Search', searchHere: 'Search in this room', people: 'People', messages: 'Messages',
    attach: 'Send a file', message: 'Message', send: 'Send', joinChannel: 'Join or create a channel here',
    channelExample: 'e.g. garden', join: 'Join', createCommunity: 'Create a community', communityExample: 'e.g. Book club',
    create: 'Create', createGroup: 'Start a group', groupExample: 'Name of the group', change: 'Change',
    language: 'Language', theme: 'Appearance', themeAuto: 'As the device', themeLight: 'Light', themeDark: 'Dark',
    otherDevice: 'Use on another device', leaveChat: 'Leave the chat', connection: 'Connection',
    conversations: 'Conversations', online: 'online', offline: 'offline', connecting: 'connecting…',
    reconnecting: 'reconnecting…', lost: 'Connection lost. Your messages are sent when it is back.',
    back: 'Back online.', you: 'you', here: '{n} here', lastSeen: 'last here {time}', unknownSeen: 'away',
    isTyping: '{name} is typing…', areTyping: 'Several people are typing…', isNew: 'New', newBelow: '{n} new ↓',
    toBottom: 'Newest ↓', sending: 'sending…', waiting: 'waiting for the connection…', failed: 'not sent: {reason}',
    retry: 'Retry', remove: 'Remove', sent: 'sent', delivered: 'delivered', read: 'read', edited: 'edited',
    deleted: 'Message deleted', reply: 'Reply', edit: 'Edit', delete: 'Delete', copy: 'Copy', report: 'Report', react: 'React with {emoji}',
    more: 'Actions', replyTo: 'Reply to {name}: {text}', editing: 'Editing your message', noMessages: 'Nothing has been said here yet. Say hello!',
    noRoom: 'Choose a room or a person.', begin: 'This is the beginning.', loading: 'Loading…',
    joined: '{name} joined', left: '{name} left', leaveChannel: 'Leave this channel', leaveCommunity: 'Leave this community',
    leaveGroup: 'Leave this group', leaveGroupSure: 'Nobody can bring you back into this group. Leave it?',
    inviteLink: 'Copy the link to this community', copied: 'Copied.', mute: 'Mute for 10 minutes', kick: 'Remove from the community',
    directTo: 'Talk to {name} alone', linkFor: 'Open this link on the other device within 10 minutes:',
    transport: 'Transport', node: 'Server', latency: 'Round trip', reconnects: 'Reconnects', since: 'Connected since', unsent: 'Waiting to be sent',
    cannotReach: 'The server cannot be reached. Trying again…', noClient: 'The Socket.IO client file is not being served. On the server, run "make client" and start again.',
    loginNeeded: 'Log in first: this chat is opened from the page where you log in.', loginEnded: 'Your login has ended. Open the chat again from where you logged in; what you have written is kept.',
    kicked: 'You were removed from {name}.', mutedUntil: 'You are muted until {time}.', noCommunity: 'That community does not exist any more.',
    reported: 'Reported. Thank you.', reportWhy: 'What is wrong with this message?', deleteSure: 'Delete this message for everybody?',
    today: 'Today', yesterday: 'Yesterday', download: 'Download', tooLarge: 'The file is too large; at most {n}.', uploadFailed: 'The file could not be sent.',
    photo: 'Picture', fileWord: 'File', nothingFound: 'Nothing found.', unread: '{n} unread', members: '{n} people', others: 'More channels', news: 'Announcement: {text}',
    tooLong: 'Too long: {n} of {limit} bytes.', dropped: 'Somewhere else', community: 'Community', hintPhone: 'Open the list with ☰ to find rooms and people.',
    'bad-name': 'Please choose a name of 1 to 32 visible characters, in one script.', 'name-taken': 'This name is taken, or looks like one that is. Choose another.',
    away: 'The chat cannot reach its history. Trying again…', 'slow-down': 'You write fast; this is sent in a moment.', muted: 'You are muted here.',
    'no-room': 'This room is not there, or not for you.', 'no-person': 'There is no such person.', 'too-many': 'That is too many.', 'bad-title': 'Please use 1 to 64 visible characters, in one script.',
    'not-yours': 'You may not do that.', 'no-file': 'The file is not there any more.', 'file-size': 'The file is empty or too large.', full: 'The chat is full.', crowd: 'Many people are coming. Trying again in a moment…',
    'too-long': 'The message is too long.', empty: 'Write something first.', 'no-message': 'The message is not there any more.', busy: 'Try again.', unauthorized: 'Say who you are first.', other: 'Something went wrong: {reason}',
  },
  ko: {
    chat: '채팅', chooseName: '다른 사람에게 보일 이름을 정하세요.', yourName: '이름', nameExample: '예: 민지',
    enter: '입장', roomsAndPeople: '방과 사람', settings: '설정', close: '닫기', cancel: '취소',
    newPlace: '+ 새로 만들기', search: '검색', searchHere: '이 방에서 검색', people: '사람', messages: '메시지',
    attach: '파일 보내기', message: '메시지', send: '보내기', joinChannel: '채널 참여 또는 만들기',
    channelExample: '예: 정원', join: '참여', createCommunity: '커뮤니티 만들기', communityExample: '예: 독서 모임',
    create: '만들기', createGroup: '그룹 대화 시작', groupExample: '그룹 이름', change: '변경',
    language: '언어', theme: '화면', themeAuto: '기기 설정', themeLight: '밝게', themeDark: '어둡게',
    otherDevice: '다른 기기에서 사용', leaveChat: '채팅 나가기', connection: '연결',
    conversations: '대화', online: '온라인', offline: '오프라인', connecting: '연결 중…',
    reconnecting: '다시 연결 중…', lost: '연결이 끊겼습니다. 다시 연결되면 메시지를 보냅니다.',
    back: '다시 연결되었습니다.', you: '나', here: '{n}명 접속 중', lastSeen: '마지막 접속 {time}', unknownSeen: '자리 비움',
    isTyping: '{name} 님이 입력 중…', areTyping: '여러 명이 입력 중…', isNew: '새 메시지', newBelow: '새 메시지 {n}개 ↓',
    toBottom: '맨 아래로 ↓', sending: '보내는 중…', waiting: '연결을 기다리는 중…', failed: '전송 실패: {reason}',
    retry: '다시 보내기', remove: '삭제', sent: '보냄', delivered: '전달됨', read: '읽음', edited: '수정됨',
    deleted: '삭제된 메시지', reply: '답장', edit: '수정', delete: '삭제', copy: '복사', report: '신고', react: '{emoji} 반응',
    more: '더 보기', replyTo: '{name} 님에게 답장: {text}', editing: '메시지 수정 중', noMessages: '아직 메시지가 없습니다. 인사해 보세요!',
    noRoom: '방이나 사람을 선택하세요.', begin: '대화의 시작입니다.', loading: '불러오는 중…',
    joined: '{name} 님이 들어왔습니다', left: '{name} 님이 나갔습니다', leaveChannel: '채널 나가기', leaveCommunity: '커뮤니티 탈퇴',
    leaveGroup: '그룹 나가기', leaveGroupSure: '나가면 이 그룹에 다시 들어올 수 없습니다. 나갈까요?',
    inviteLink: '커뮤니티 링크 복사', copied: '복사했습니다.', mute: '10분간 음소거', kick: '커뮤니티에서 내보내기',
    directTo: '{name} 님과 1:1 대화', linkFor: '10분 안에 다른 기기에서 이 링크를 여세요:',
    transport: '전송 방식', node: '서버', latency: '왕복 시간', reconnects: '재연결', since: '연결 시작', unsent: '보낼 메시지',
    cannotReach: '서버에 연결할 수 없습니다. 다시 시도하는 중…', noClient: 'Socket.IO 클라이언트 파일이 없습니다. 서버에서 "make client"를 실행하세요.',
    loginNeeded: '먼저 로그인하세요. 이 채팅은 로그인한 페이지에서 열립니다.', loginEnded: '로그인이 만료되었습니다. 로그인한 곳에서 다시 열어 주세요. 작성한 내용은 보관됩니다.',
    kicked: '{name}에서 내보내졌습니다.', mutedUntil: '{time}까지 음소거되었습니다.', noCommunity: '더 이상 없는 커뮤니티입니다.',
    reported: '신고했습니다. 감사합니다.', reportWhy: '이 메시지의 문제는 무엇인가요?', deleteSure: '모두에게서 이 메시지를 삭제할까요?',
    today: '오늘', yesterday: '어제', download: '다운로드', tooLarge: '파일이 너무 큽니다. 최대 {n}.', uploadFailed: '파일을 보낼 수 없습니다.',
    photo: '사진', fileWord: '파일', nothingFound: '결과가 없습니다.', unread: '안 읽음 {n}', members: '{n}명', others: '다른 채널', news: '공지: {text}',
    tooLong: '너무 깁니다: {n}/{limit} 바이트.', dropped: '다른 곳', community: '커뮤니티', hintPhone: '☰를 눌러 방과 사람을 찾으세요.',
    'bad-name': '한 가지 문자로 된 1~32자의 이름을 정하세요.', 'name-taken': '이미 사용 중이거나 비슷한 이름이 있습니다. 다른 이름을 정하세요.',
    away: '채팅 기록에 연결할 수 없습니다. 다시 시도하는 중…', 'slow-down': '너무 빠릅니다. 잠시 후 전송됩니다.', muted: '음소거된 상태입니다.',
    'no-room': '없는 방이거나 들어갈 수 없는 방입니다.', 'no-person': '없는 사람입니다.', 'too-many': '너무 많습니다.', 'bad-title': '한 가지 문자로 된 1~64자를 사용하세요.',
    'not-yours': '권한이 없습니다.', 'no-file': '파일이 더 이상 없습니다.', 'file-size': '파일이 비었거나 너무 큽니다.', full: '채팅이 가득 찼습니다.', crowd: '많은 사람이 들어오고 있습니다. 잠시 후 다시 시도합니다…',
    'too-long': '메시지가 너무 깁니다.', empty: '내용을 입력하세요.', 'no-message': '메시지가 더 이상 없습니다.', busy: '다시 시도하세요.', unauthorized: '먼저 이름을 정하세요.', other: '문제가 생겼습니다: {reason}',
  },
};

export let language = 'en';

export function setLanguage(wanted) {
  language = wanted in words ? wanted : 'en';
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
  for (const node of document.querySelectorAll('[data-t-placeholder]')) node.placeholder = t(node.dataset.tPlaceholder);
}

export function t(key, values = {}) {
  const text = words[language][key] ?? words.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** Why the server refused, in the reader's language. */
export function reasonText(error) {
  const code = error?.data?.code;
  if (code && words.en[code]) return t(code);
  return t('other', { reason: error?.message ?? '' });
}

export const clock = (time) => new Date(time).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });

export function day(time) {
  const date = new Date(time), now = new Date();
  const days = Math.round((new Date(now.toDateString()) - new Date(date.toDateString())) / 86400000);
  if (days === 0) return t('today');
  if (days === 1) return t('yesterday');
  return date.toLocaleDateString(language, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
}

export const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1048576) return `${(count / 1024).toFixed(0)} kB`;
  return `${(count / 1048576).toFixed(1)} MB`;
}

export function initials(name) {
  const parts = name.trim().split(/\s+/).map((part) => [...part]);
  return ((parts[0]?.[0] ?? '?') + (parts.length > 1 ? parts[parts.length - 1][0] : '')).toUpperCase();
}

/** One of twelve colours, the same for a person everywhere. */
export function tint(id) {
  let hash = 0;
  for (const letter of id) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return `tint-${hash % 12}`;
}

const link = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/gi;

/** Text with its links as links. Only http and https, never with the page as their opener. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(link)) {
    let found = match[0].replace(/[.,;:!?)\]}…]+$/u, '');
    if (match[0].includes('(') && match[0][found.length] === ')') found += ')';
    let url;
    try { url = new URL(found.startsWith('www.') ? `https://${found}` : found); } catch { continue; }
    if (url.protocol !== 'https:' && url.protocol !== 'http:') continue;
    nodes.push(document.createTextNode(text.slice(end, match.index)));
    const anchor = document.createElement('a');
    anchor.href = url.href;
    anchor.target = '_blank';
    anchor.rel = 'noopener noreferrer nofollow ugc';
    anchor.textContent = found;
    nodes.push(anchor);
    end = match.index + found.length;
  }
  nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}
