"""Rooms with a history for clients of other kinds: python-socketio of today, with MessagePack, and of Engine.IO 3."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import engineio.payload
import engineio_v3.payload
import socketio
import socketio_v4

from python.test_client import Server

engineio.payload.Payload.max_decode_packets = 1000
engineio_v3.payload.Payload.max_decode_packets = 1000

ARGUMENTS = ("--durable", "--eio3", "--parser", "auto", "--event-loops", "2")


class Member:
    """A client that keeps what it gets, and the newest position."""

    def __init__(self, kind, transport):
        self.kind, self.transport, self.client = kind, transport, None
        self.seen, self.positions, self.replays = [], [], []
        self.arrived = threading.Condition()

    def connect(self, url, room, since=None):
        """With the position in `auth`, or in the query for clients of Engine.IO 3, which have no `auth`."""
        if self.kind == "old":
            self.client = socketio_v4.Client(reconnection=False)
        else:
            self.client = socketio.Client(reconnection=False, serializer="msgpack" if self.kind == "msgpack" else "default")
        self.client.on("n", self.number)
        self.client.on("replayed", self.replays.append)
        if self.kind == "old":
            query = {"replay": room, **({} if since is None else {"since": since})}
            self.client.connect(f"{url}?{urllib.parse.urlencode(query)}", transports=[self.transport])
        else:
            self.client.connect(url, transports=[self.transport], auth={"replay": room, "since": since}, wait_timeout=8)

    def number(self, value, position):
        with self.arrived:
            self.seen.append(value)
            self.positions.append(position)
            self.arrived.notify_all()

    def wait(self, last, seconds=20):
        with self.arrived:
            self.arrived.wait_for(lambda: self.seen and self.seen[-1] == last, seconds)

    def disconnect(self):
        if self.client:
            self.client.disconnect()


KINDS = [(kind, transport) for kind in ("today", "msgpack", "old") for transport in ("websocket", "polling")]


class DurableCase(unittest.TestCase):
    def driver(self, server):
        client = socketio.Client(reconnection=False)
        client.connect(server.url, transports=["websocket"], wait_timeout=8)
        self.addCleanup(client.disconnect)
        return client

    def keep(self, driver, room, first, last):
        for value in range(first, last + 1):
            answer = driver.call("keep", (room, "n", [value]), timeout=15)
            self.assertIsNone(answer["err"])

    def member(self, kind, transport, url, room, since=None):
        member = Member(kind, transport)
        self.addCleanup(member.disconnect)
        member.connect(url, room, since)
        return member

    def check(self, member, first, last):
        member.wait(last)
        name = f"{member.kind} {member.transport}"
        self.assertEqual(member.seen, list(range(first, last + 1)), name)
        self.assertEqual([int(position.split("-")[1]) for position in member.positions], member.seen, name)


class OneServerTest(DurableCase):
    def setUp(self):
        self.server = Server("mixed", *ARGUMENTS)
        self.addCleanup(self.server.stop)

    def test_joining_under_traffic(self):
        driver = self.driver(self.server)
        total = 200
        traffic = threading.Thread(target=self.keep, args=(driver, "r", 1, total))
        traffic.start()
        members = [self.member(*kind, self.server.url, "r") for kind in KINDS]
        traffic.join()
        members += [self.member(*kind, self.server.url, "r") for kind in KINDS]
        for member in members:
            self.check(member, 1, total)

    def test_positions_and_pages(self):
        driver = self.driver(self.server)
        self.keep(driver, "r", 1, 25)
        first = self.member("today", "websocket", self.server.url, "r")
        self.check(first, 1, 25)
        for kind in KINDS:
            member = self.member(*kind, self.server.url, "r", first.positions[9])
            self.check(member, 11, 25)
            seen, query = [], {"limit": 10}
            while True:
                page = member.client.call("history", ("r", query), timeout=8)["res"]
                seen = [value for _, _, [value] in page["events"]] + seen
                query = {"limit": 10, "before": page["events"][0][0]}
                if not page["more"]:
                    break
            self.assertEqual(seen, list(range(1, 26)), kind)
            if kind[0] != "old":
                # A number of events, which a query would give as a text.
                self.check(self.member(*kind, self.server.url, "r", 3), 23, 25)
            self.assertEqual(
                member.client.call("replay", ("other", 3), timeout=8), {"err": None, "res": {"events": 0, "complete": True, "position": None}})


class Redis:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sio-redis-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder, "--save", ""],
            stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class TwoNodesTest(DurableCase):
    def test_a_node_is_killed(self):
        redis = Redis()
        self.addCleanup(redis.stop)
        nodes = [Server("mixed", "--adapter", "redis", "--redis", redis.url, "--name", name, *ARGUMENTS) for name in "ab"]
        self.addCleanup(nodes[0].stop)
        drivers = [self.driver(node) for node in nodes]
        members = [self.member(*kind, node.url, "r") for node in nodes for kind in KINDS]
        for value in range(1, 61):
            self.keep(drivers[value % 2], "r", value, value)
        for member in members:
            member.wait(60)
        nodes[1].process.kill()
        nodes[1].process.wait()
        nodes[1].process.stdout.close()
        traffic = threading.Thread(target=self.keep, args=(drivers[0], "r", 61, 160))
        traffic.start()
        for member in members[len(KINDS):]:
            member.disconnect()
            member.connect(nodes[0].url, "r", member.positions[-1])
        traffic.join()
        for member in members:
            self.check(member, 1, 160)


if __name__ == "__main__":
    unittest.main()
