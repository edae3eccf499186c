// Numbered traffic over several nodes: on each of them one person talks every 20 ms, and three listen, over WebSocket, over
// polling, and with an upgrade. What was lost, doubled or out of order is told apart by where it had to go.
'use strict';

const { Person, audit, now } = require('../../EndToEndTests/node/crowd.js');
const { until } = require('../../EndToEndTests/node/harness.js');
const { sleep } = require('../../EndToEndTests/node/deployment.js');

const ways = [{ transports: ['websocket'] }, { transports: ['polling'] }, {}];

class Traffic {
  /** `urls` are the nodes by tag; the people of a node connect to it alone. */
  static async start(urls, { every = 20, options = {} } = {}) {
    const traffic = new Traffic();
    traffic.every = every;
    traffic.people = [];
    traffic.home = new Map();
    for (const [tag, url] of urls) {
      for (let i = 0; i < ways.length; i++) {
        const person = new Person(url, `${tag}-${i}`, { ...ways[i], ...options });
        traffic.people.push(person);
        traffic.home.set(person.name, tag);
      }
    }
    await until(() => traffic.people.every((person) => person.isIn), 'all are in', 60000);
    traffic.talkers = traffic.people.filter((_, i) => i % ways.length === 0);
    traffic.began = now();
    for (const person of traffic.talkers) person.talk(every);
    return traffic;
  }

  /** The talk ends; what is on its way arrives. Then everything can be asked below. */
  async finish(calm = 1500) {
    for (const person of this.talkers) person.hush();
    await sleep(calm);
    this.saidBy = new Map(this.people.map((person) =>
      [person.name, new Map(person.said.map((message) => [message.number, message]))]));
  }

  close() { for (const person of this.people) person.leave(); }

  isLocal(from, to) { return this.home.get(from) === this.home.get(to); }

  /** Times between two deliveries from other nodes, at the person for whom the longest of them was the longest. */
  longestGap(from = this.began, to = Infinity, people = this.people) {
    let longest = 0;
    for (const person of people) {
      let last = null;
      for (const { from: sender, at } of person.heard) {
        if (this.isLocal(sender, person.name) || at < from || at > to) continue;
        if (last !== null) longest = Math.max(longest, at - last);
        last = at;
      }
    }
    return longest;
  }

  /** From `moment` to the first delivery of something said after it by another node, for the slowest pair of nodes. */
  recovery(moment) {
    const first = new Map();
    for (const person of this.people) {
      for (const { from, number, at } of person.heard) {
        if (this.isLocal(from, person.name) || at < moment) continue;
        const said = this.saidBy.get(from)?.get(number);
        if (!said || said.sent < moment) continue;
        const pair = `${this.home.get(from)} ${this.home.get(person.name)}`;
        if (!first.has(pair)) first.set(pair, at - moment);
        first.set(pair, Math.min(first.get(pair), at - moment));
      }
    }
    const nodes = new Set(this.home.values()).size;
    return first.size === nodes * (nodes - 1) ? Math.max(...first.values()) : Infinity;
  }

  /** How late deliveries on the same node were, at the most. */
  localDelay(from = this.began, to = Infinity) {
    let longest = 0;
    for (const person of this.people) {
      for (const { from: sender, number, at } of person.heard) {
        if (!this.isLocal(sender, person.name)) continue;
        const said = this.saidBy.get(sender)?.get(number);
        if (said && said.sent >= from && said.sent <= to) longest = Math.max(longest, at - said.sent);
      }
    }
    return longest;
  }

  /** Everything that went wrong; what was said before `since` may be lost. */
  result(since = 0) {
    const found = audit(this.people.map((person) => ({ ...person, said: person.said.filter(({ sent }) => sent >= since) })));
    const local = found.lost.filter((text) => {
      const [from, , , to] = text.split(' ');
      return this.isLocal(from, to);
    });
    return {
      owed: found.owed, lost: found.lost.length, lostHere: local.length, doubled: found.doubled,
      disordered: found.disordered, moved: this.people.filter((person) => person.stays.length > 1).length,
    };
  }
}

module.exports = { Traffic, ways };
