"""python-socketio 4.6, a client of Engine.IO 3 and Socket.IO 2, alone and in one room with clients of today."""

import queue
import unittest

import engineio_v3.payload
import socketio
import socketio_v4

from python import test_client
from python.test_client import Server

# As today's client, see test_client.py.
engineio_v3.payload.Payload.max_decode_packets = 1000


def connect_old(case, url, transports, namespaces=None):
    client = socketio_v4.Client(reconnection=False)
    client.connect(url, transports=transports, namespaces=namespaces)
    case.addCleanup(client.disconnect)
    return client


class OldCases(test_client.ClientCases):
    """All cases of today's client, with the old one."""

    args = ("--eio3",)

    def connect(self, namespaces=None):
        return connect_old(self, self.server.url, [self.transport], namespaces)


class OldPolling(OldCases, unittest.TestCase):
    transport = "polling"


class OldWebSocket(OldCases, unittest.TestCase):
    transport = "websocket"


class OldWebSocketFourLoops(OldCases, unittest.TestCase):
    transport = "websocket"
    args = ("--eio3", "--event-loops", "4")


class OldUpgrade(unittest.TestCase):
    """From polling to WebSocket, and longer than the server waits for a ping."""

    def test_upgrade(self):
        server = Server("mixed", "--eio3", "--ping", "500", "--ping-timeout", "500")
        self.addCleanup(server.stop)
        client = connect_old(self, server.url, ["polling", "websocket"])
        self.assertEqual(client.transport(), "websocket")
        self.assertEqual(client.call("echo", {"b": b"\x00\xff"}, timeout=8), {"b": b"\x00\xff"})
        gone = queue.Queue()
        client.on("disconnect", lambda: gone.put(True))
        with self.assertRaises(queue.Empty):
            gone.get(timeout=2.5)
        self.assertEqual(client.call("echo", 1, timeout=8), 1)


class OneRoomTest(unittest.TestCase):
    def test_both(self):
        server = Server("mixed", "--eio3", "--parser", "auto")
        self.addCleanup(server.stop)
        today = socketio.Client(reconnection=False)
        today.connect(server.url, transports=["websocket"], wait_timeout=8)
        self.addCleanup(today.disconnect)
        packed = socketio.Client(reconnection=False, serializer="msgpack")
        packed.connect(server.url, transports=["websocket"], wait_timeout=8)
        self.addCleanup(packed.disconnect)
        clients = [today, packed]
        clients += [connect_old(self, server.url, [transport]) for transport in ["polling", "websocket"]]
        for client in clients:
            client.got = queue.Queue()
            client.on("x", lambda value, got=client.got: got.put(value))
            self.assertEqual(client.call("join", "both", timeout=8), "ok")
        value = [5, {"a": b"\x01", "b": None}]
        for client in clients:
            client.call("bcast", ({"to": ["both"]}, "x", [value]), timeout=8)
            for other in clients:
                self.assertEqual(other.got.get(timeout=8), value)


class RefusedTest(unittest.TestCase):
    def test_refused(self):
        server = Server("mixed")
        self.addCleanup(server.stop)
        for transport in ["polling", "websocket"]:
            client = socketio_v4.Client(reconnection=False)
            with self.assertRaises(socketio_v4.exceptions.ConnectionError):
                client.connect(server.url, transports=[transport])


if __name__ == "__main__":
    unittest.main()
