// Part of socketio-server, MIT licence; see LICENSE.
//
// official-parser.js FILE: what socket.io-parser makes of the messages in FILE, a case a line, each message `t` or `b` (text,
// binary) with its bytes in base64. For each case a line: its packets, each as type, namespace, id and data, and `!N` when
// message N was refused; binary packets as the others, acknowledgements without data as empty ones. Values are written as OfficialParserTests does it, which leaves nothing to the way numbers are printed.
'use strict';
process.env.NODE_PATH = '/usr/share/nodejs';
require('module').Module._initPaths();
const fs = require('fs');
const { Decoder } = require('socket.io-parser');

function text(string) {
  // An unpaired surrogate cannot be sent; it is U+FFFD as in Swift.
  return Buffer.from(string, 'utf8').toString('hex');
}

function value(data) {
  if (data === undefined) return 'u';
  if (data === null) return '0';
  if (typeof data === 'boolean') return data ? 't' : 'f';
  if (typeof data === 'number') {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(data === 0 ? 0 : data);
    return 'n' + bits.toString('hex');
  }
  if (typeof data === 'string') return 's' + text(data);
  if (Buffer.isBuffer(data)) return 'b' + data.toString('hex');
  if (Array.isArray(data)) return '[' + data.map(value).join(',') + ']';
  return '{' + Object.keys(data).map((key) => text(key) + '=' + value(data[key])).sort().join(',') + '}';
}

function run(line) {
  const decoder = new Decoder();
  const packets = [];
  decoder.on('decoded', (packet) => {
    // Now, because the parser goes on to work on the same object.
    const isAck = packet.type === 3 || packet.type === 6;
    const data = isAck && packet.data === undefined ? [] : packet.data;
    const id = packet.id === undefined ? '-' : value(packet.id);
    packets.push([packet.type > 4 ? packet.type - 3 : packet.type, 's' + text(packet.nsp), id, value(data)].join(' '));
  });
  const messages = line === '' ? [] : line.split(' ');
  for (const [index, message] of messages.entries()) {
    const bytes = Buffer.from(message.slice(1), 'base64');
    try {
      decoder.add(message[0] === 't' ? bytes.toString('utf8') : bytes);
    } catch (error) {
      packets.push('!' + index);
      break;
    }
  }
  return packets.join('; ');
}

const lines = fs.readFileSync(process.argv[2], 'utf8').split('\n').slice(0, -1);
process.stdout.write(lines.map(run).join('\n') + '\n');
