#!/usr/bin/env python3
"""What the chat costs in a large room and with a long history, measured on a release build (docs/performance.md has the figures).

    Tests/Benchmarks/chat.py .build/release/socketio-server [MEMBERS [SECONDS]]

First a channel of 5,000 people, each with a connection of their own, in which 20 messages a second are said while the history is
kept in SQLite: whether everybody gets all of them, how long that takes, and what the server uses. The server runs on one event loop.
Then a start with 50,000 stored conversations of ten messages each. Only Python's standard library is needed.
"""

import json
import os
import re
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

LOOPBACK, SPACE, RATE = "127.0.0.1", "/socket/commu-lobby", 20
CONVERSATIONS, MESSAGES = 50_000, 10


class Server:
    """The executable in a folder of its own, with a history in SQLite."""

    def __init__(self, path, folder):
        command = [os.path.abspath(path), "run", "--host", LOOPBACK, "--port", "0", "--event-loops", "1", "--chat-store", "sqlite",
                   "--chat-messages-per-minute", "100000"]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder)
        for line in self.process.stderr:
            if found := re.search(r"\blistening\b.* port=(\d+)", line):
                self.port = int(found.group(1))
                break
        else:
            sys.exit("the server did not start")
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()
        urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/healthz", timeout=10).close()
        self.seconds_to_start = time.monotonic() - self.started

    def mebibytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024

    def seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def frame(text):
    data = text.encode()
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big")
    return head + bytes(4) + data


class Person:
    """Somebody new, in the lobby's community."""

    def __init__(self, port, number):
        self.socket = socket.create_connection((LOOPBACK, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        self.received = b""
        self.send('40{"name":"Person %d"}' % number)
        token = json.loads(self.until(rb'"token":("[^"]+")'))
        self.send(f"40{SPACE}," + json.dumps({"person": token}))
        self.until(rb"40/socket/commu-lobby,")
        self.count = 0

    def send(self, text):
        self.socket.sendall(frame(text))

    def until(self, pattern):
        while True:
            if found := re.search(pattern, self.received):
                return found.group(found.lastindex or 0)
            received = self.socket.recv(65_536)
            if not received:
                sys.exit(f"the server closed a connection after {self.received[-300:]!r}")
            self.received += received


def large_room(path, members, seconds):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(path, folder)
        people = []
        for number in range(members):
            people.append(Person(server.port, number))
            if number % 500 == 499:
                print(f"{number + 1} people are in", file=sys.stderr)
        speaker = people[0]
        speaker.send(f'42{SPACE},1["enter"]')
        room = speaker.until(rb'43/socket/commu-lobby,1\[.*?"key":"(c:lobby:[^"]+)"').decode()

        poll = select.epoll()
        by_number = {}
        for person in people:
            person.socket.setblocking(False)
            by_number[person.socket.fileno()] = person
            poll.register(person.socket.fileno(), select.EPOLLIN)
        # One in 25 tells how long each message took; the others count only.
        timed = {person.socket.fileno() for person in people[1::25]}
        sent, times, said = {}, [], seconds * RATE
        cpu, begin = server.seconds(), time.monotonic()
        due, end, number = begin + 1, begin + 1 + seconds + 15, 0
        while time.monotonic() < end:
            now = time.monotonic()
            if number < said and now >= due:
                message = {"id": f"{number:032x}", "text": f"at {number}.", "reply": None, "file": None}
                sent[number] = time.monotonic()
                speaker.send(f'42{SPACE},{number + 10}' + json.dumps(["message", room, message]))
                number += 1
                due += 1 / RATE
            if number == said and all(person.count == said for person in people):
                break
            for descriptor, _ in poll.poll(max(0, min(due - time.monotonic(), 0.05))):
                person = by_number[descriptor]
                received = person.socket.recv(65_536)
                if not received:
                    sys.exit("the server closed a connection")
                person.count += received.count(b'["message",')
                if b"\x01" + b"2" in received[:3]:
                    person.send("3")
                if descriptor in timed:
                    now = time.monotonic()
                    times += [(now - sent[int(which)]) * 1_000 for which in re.findall(rb'"text":"at (\d+)\."', received)]
        took = time.monotonic() - begin - 1
        cpu = server.seconds() - cpu
        arrived = sum(person.count for person in people)
        times.sort()
        p99 = times[int(len(times) * 0.99)]
        print(
            f"{members} members, {said} messages at {RATE}/s: {arrived} of {said * members} arrived in {took:.1f} s; a delivery takes "
            f"{times[len(times) // 2]:.1f} ms in the median, {p99:.1f} ms at the 99th percentile, {times[-1]:.1f} ms at most; "
            f"the server uses {cpu / took * 100:.0f} % of a core, {server.mebibytes():.0f} MiB")
        server.stop()
        return arrived == said * members and p99 < 100


def many_conversations(path):
    with tempfile.TemporaryDirectory() as folder:
        first = Server(path, folder)
        empty = first.mebibytes()
        first.stop()
        database = sqlite3.connect(os.path.join(folder, "data", "chat.sqlite"))
        ids = [f"p{number:021x}" for number in range(1_000)]
        text = "Shall we meet at the station at seven, or do you come later?"
        with database:
            database.executemany(
                "INSERT INTO person VALUES (?, ?, ?, 1)", [(one, f"Person {one}", f"person {one}") for one in ids])
            for number in range(CONVERSATIONS):
                one, other = ids[number % 1_000], ids[(number * 7 + number // 1_000 + 1) % 1_000]
                key = f"g:{number:022x}"
                database.execute(
                    "INSERT INTO room VALUES (?, 'A group', '', ?, 1, ?, 1, ?, ?)", (key, one, MESSAGES, 200 * MESSAGES, number + 1))
                database.executemany(
                    "INSERT OR IGNORE INTO member VALUES (?, ?, 'member', 0, 0, 0)", [(key, one), (key, other)])
                rows = []
                for seq in range(1, MESSAGES + 1):
                    message = {"room": key, "seq": seq, "id": f"{seq:032x}", "rev": 1, "from": one, "name": "Person", "text": text,
                               "time": int(time.time() * 1000), "reactions": [], "edited": False, "deleted": False}
                    rows.append((key, seq, one, message["id"], 1, message["time"], 200, text, json.dumps(message)))
                database.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.close()
        size = os.path.getsize(os.path.join(folder, "data", "chat.sqlite")) / 1_048_576
        server = Server(path, folder)
        print(
            f"{CONVERSATIONS} conversations with {MESSAGES} messages each ({size:.0f} MiB in SQLite): the start takes "
            f"{server.seconds_to_start:.2f} s (empty {first.seconds_to_start:.2f} s), {server.mebibytes():.0f} MiB (empty {empty:.0f})")
        server.stop()
        return server.seconds_to_start < 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    numbers = [int(argument) for argument in sys.argv[2:]] + [5_000, 20][len(sys.argv) - 2:]
    results = [large_room(sys.argv[1], *numbers), many_conversations(sys.argv[1])]
    sys.exit(0 if all(results) else 1)
