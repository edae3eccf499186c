// Makes the polling of the official client in Node like a browser's: connections are kept, and so are cookies. Each browser can
// have an address of its own.
'use strict';

const http = require('node:http');

const mark = 'x-test-browser';
const browsers = new Map();
const request = http.request;

class Browser {
  /** `from` is the address of this machine to connect from. */
  constructor({ from } = {}) {
    this.number = String(browsers.size);
    this.from = from;
    this.cookies = new Map();
    // As many as browsers make to one site.
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 6 });
    browsers.set(this.number, this);
  }

  /** For the client: by this header its requests are told from those of the others. No server sees it. */
  get options() { return { extraHeaders: { [mark]: this.number } }; }

  request(options, ...more) {
    const headers = { ...options.headers };
    delete headers[mark];
    if (this.cookies.size) headers.Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const call = request.call(http, { ...options, headers, agent: this.agent, localAddress: this.from }, ...more);
    call.prependListener('response', (answer) => {
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line);
        this.cookies.set(name, value);
      }
    });
    return call;
  }

  close() { this.agent.destroy(); }
}

// What the official client calls in the end.
http.request = (options, ...more) => {
  const browser = browsers.get(options?.headers?.[mark]);
  return browser ? browser.request(options, ...more) : request.call(http, options, ...more);
};

module.exports = { Browser };
