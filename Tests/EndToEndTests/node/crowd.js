// People with the official client in a room of the chat, the lobby unless told, who number what they say and note what they hear.
'use strict';

const { io, until } = require('./harness.js');
const { sleep } = require('./deployment.js');

const now = () => performance.now();

class Person {
  constructor(url, name, { room = 'lobby', ...options } = {}) {
    this.name = name;
    this.room = room;
    /** Times between a confirmed join and the loss of the connection. */
    this.stays = [];
    /** What others said: {from, number, at}. */
    this.heard = [];
    /** What this one said and the server confirmed: {number, sent, confirmed}. */
    this.said = [];
    this.number = 0;
    this.failures = [];
    this.socket = io(url, { forceNew: true, auth: { name, tab: `a secret of ${name}` }, ...options });
    this.socket.on('connect', () => this.enter());
    this.socket.on('disconnect', (reason) => {
      if (this.isIn) this.stays.at(-1).to = now();
      this.reason = reason;
    });
    this.socket.on('connect_error', (error) => this.failures.push(error.message));
    this.socket.on('message', (message) => {
      const [from, number] = message.text.split(' ');
      this.heard.push({ from, number: Number(number), at: now() });
    });
  }

  /** The node of the session. */
  get tag() { return this.socket.io.engine.id.slice(0, 4); }
  get isIn() { return this.stays.length > 0 && this.stays.at(-1).to === undefined; }

  async enter() {
    const id = this.socket.id;
    while (this.socket.connected && this.socket.id === id && !this.isIn) {
      const place = await this.socket.timeout(5000).emitWithAck('join', this.room).catch(() => null);
      if (place?.key && this.socket.connected && this.socket.id === id) {
        this.key = place.key;
        this.stays.push({ from: now() });
      } else if (!place?.key) {
        await sleep(50);
      }
    }
  }

  async say() {
    if (!this.isIn) return;
    const message = { number: this.number++, sent: now() };
    const receipt = await this.socket.timeout(20000).emitWithAck('message', this.key, `${this.name} ${message.number}`)
      .catch(() => null);
    if (!receipt?.id) return;
    message.confirmed = now();
    this.said.push(message);
  }

  /** Says something again and again until `leave` or the end of the talk. */
  talk(every) {
    this.timer = setInterval(() => this.say(), every);
  }

  hush() { clearInterval(this.timer); }

  leave() {
    this.hush();
    this.socket.disconnect();
  }
}

/** People who are all in. */
async function gather(url, count, options = () => ({}), prefix = 'p') {
  const people = Array.from({ length: count }, (_, i) => new Person(url, `${prefix}${i}`, options(i)));
  await until(() => people.every((person) => person.isIn), `${count} people are in`, 60000);
  return people;
}

/**
 * Whether all that was confirmed arrived: at each who was in the room when it was sent and stayed `margin` longer than until
 * its confirmation. Also that nothing came twice or out of order.
 */
function audit(people, margin = 1000) {
  const result = { confirmed: 0, owed: 0, lost: [], doubled: 0, disordered: 0, atTheEdge: 0, edge: 0 };
  const said = people.flatMap((person) => person.said.map((message) => ({ ...message, from: person.name })));
  result.confirmed = said.length;
  for (const listener of people) {
    const last = new Map();
    const heard = new Set();
    for (const { from, number } of listener.heard) {
      const key = `${from} ${number}`;
      if (heard.has(key)) result.doubled++;
      heard.add(key);
      if (last.has(from) && number < last.get(from)) result.disordered++;
      last.set(from, number);
    }
    for (const message of said) {
      if (message.from === listener.name) continue;
      const stay = listener.stays.find(({ from, to = Infinity }) => from < message.sent && to > message.confirmed);
      if (!stay) continue;
      if ((stay.to ?? Infinity) < message.confirmed + margin) {
        if (!heard.has(`${message.from} ${message.number}`)) {
          result.atTheEdge++;
          result.edge = Math.max(result.edge, stay.to - message.confirmed);
        }
        continue;
      }
      result.owed++;
      if (!heard.has(`${message.from} ${message.number}`)) {
        result.lost.push(`${message.from} ${message.number} at ${listener.name}`);
      }
    }
  }
  return result;
}

module.exports = { Person, gather, audit, now };
