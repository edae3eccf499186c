#!/usr/bin/env python3
"""What hostile clients cost the executable, measured on a release build (docs/performance.md has the figures).

    Tests/Benchmarks/hostile.py .build/release/socketio-server

First 40,000 handshakes over long-polling with heads of 14 kB whose clients never come back: how much the process grows. Then 60
sessions, each from an address of its own, that send small events as fast as the server reads them: how long another client
waits for its acknowledgements. Settings are the defaults; only Python's standard library is needed.
"""

import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HANDSHAKES, HEAD = 40_000, 13_800
HOSTILE, ECHOES = 60, 2_000
LOOPBACK = "127.0.0.1"


class Server:
    def __init__(self, path, *arguments):
        command = [path, "run", "--host", "0.0.0.0", "--port", "0", "--event-loops", "2", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"\blistening\b.* port=(\d+)", line):
                self.port = int(found.group(1))
                break
        else:
            sys.exit("the server did not start")
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()

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


class Client:
    """A WebSocket on the main namespace."""

    def __init__(self, port, source=LOOPBACK):
        self.socket = socket.create_connection((LOOPBACK, port), source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.read()
        self.bytes = self.bytes.split(b"\r\n\r\n", 1)[1]
        self.send('40{"name":"%d"}' % (id(self) % 1_000_000))
        while not self.text().startswith("40"):
            pass

    def read(self):
        received = self.socket.recv(65_536)
        if not received:
            raise ConnectionError("the server closed the connection")
        self.bytes += received

    @staticmethod
    def frame(text):
        data = text.encode()
        assert len(data) < 126
        return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data

    def send(self, text):
        self.socket.sendall(self.frame(text))

    def text(self):
        """The next text that is no ping."""
        while True:
            while len(self.bytes) < 2:
                self.read()
            length, start = self.bytes[1] & 0x7F, 2
            if length >= 126:
                start = 4 if length == 126 else 10
                while len(self.bytes) < start:
                    self.read()
                length = struct.unpack(">H" if start == 4 else ">Q", self.bytes[2:start])[0]
            while len(self.bytes) < start + length:
                self.read()
            text = self.bytes[start : start + length].decode()
            self.bytes = self.bytes[start + length :]
            if text != "2":
                return text
            self.send("3")


def handshakes(path):
    server = Server(path)
    head = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n%s\r\n"

    def abandon(headers=""):
        with socket.create_connection((LOOPBACK, server.port)) as connection:
            connection.sendall((head % headers).encode())
            received = b""
            while b'"maxPayload"' not in received:
                received += connection.recv(4_096) or sys.exit("a handshake was refused")

    for _ in range(200):
        abandon()
    before = server.mebibytes()
    peak, start = before, time.monotonic()
    cookie = "Cookie: " + "c" * HEAD + "\r\n"
    for number in range(HANDSHAKES):
        abandon(cookie)
        if number % 500 == 499:
            peak = max(peak, server.mebibytes())
    after = server.mebibytes()
    print(
        f"{HANDSHAKES} abandoned handshakes with heads of 14 kB in {time.monotonic() - start:.0f} s: "
        f"{before:.1f} MiB before, {after:.1f} MiB after, at most {peak:.1f} MiB: grown by {peak - before:.1f} MiB")
    server.stop()
    return peak - before <= 40


def echoes(client, event):
    times = []
    for number in range(1, ECHOES + 1):
        start = time.perf_counter()
        client.send(f"42{number}{event}")
        while not client.text().startswith(f"43{number}["):
            pass
        times.append((time.perf_counter() - start) * 1_000)
        # Below the rate of a session.
        time.sleep(0.003)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99)]


def flood(path):
    server = Server(path)
    event = '["leave","nowhere"]'
    victim = Client(server.port)
    quiet = echoes(victim, event)
    hostile = [Client(server.port, f"127.0.1.{number + 1}") for number in range(HOSTILE)]
    packets = Client.frame('42["n",1]') * 1_000
    sent, ended = [0] * HOSTILE, threading.Event()

    def attack(number):
        connection = hostile[number].socket
        connection.settimeout(0.5)
        while not ended.is_set():
            try:
                sent[number] += connection.send(packets)
            except (TimeoutError, BlockingIOError):
                pass
            except OSError:
                return

    threads = [threading.Thread(target=attack, args=(number,), daemon=True) for number in range(HOSTILE)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    cpu, start = server.seconds(), time.monotonic()
    median, p99 = echoes(victim, event)
    load = (server.seconds() - cpu) / (time.monotonic() - start)
    ended.set()
    print(
        f"{HOSTILE} sessions that send small events without end: a client's acknowledgement takes {median:.2f} ms in the median "
        f"and {p99:.2f} ms at the 99th percentile (without them {quiet[0]:.2f} and {quiet[1]:.2f}); the server uses "
        f"{load * 100:.0f} % of a core, and has read {sum(sent) // 16} events or less")
    server.stop()
    return median < 5 and p99 < 25


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    results = [handshakes(sys.argv[1]), flood(sys.argv[1])]
    sys.exit(0 if all(results) else 1)
