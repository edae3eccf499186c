"""python-socketio with `serializer="msgpack"`, alone and in one room with clients of the default parser."""

import queue
import unittest

import socketio

from python import test_client
from python.test_client import Server


class PackedCases(test_client.ClientCases):
    """All cases of the default parser, with the other one."""

    args = ("--parser", "msgpack")

    def connect(self, namespaces=None):
        client = socketio.Client(reconnection=False, serializer="msgpack")
        client.connect(self.server.url, transports=[self.transport], namespaces=namespaces, wait_timeout=8)
        self.addCleanup(client.disconnect)
        return client


class PackedPolling(PackedCases, unittest.TestCase):
    transport = "polling"


class PackedWebSocket(PackedCases, unittest.TestCase):
    transport = "websocket"


class OneRoomTest(unittest.TestCase):
    """Clients of both kinds at a server with `parser: auto`."""

    def test_both(self):
        server = Server("mixed", "--parser", "auto")
        self.addCleanup(server.stop)
        clients = []
        for serializer in ["default", "msgpack"]:
            client = socketio.Client(reconnection=False, serializer=serializer)
            client.connect(server.url, transports=["websocket"], wait_timeout=8)
            self.addCleanup(client.disconnect)
            client.got = queue.Queue()
            client.on("x", lambda value, got=client.got: got.put(value))
            self.assertEqual(client.call("join", "both", timeout=8), "ok")
            clients.append(client)
        value = [5, {"a": b"\x01", "b": None}]
        for client in clients:
            client.call("bcast", ({"to": ["both"]}, "x", [value]), timeout=8)
            for other in clients:
                self.assertEqual(other.got.get(timeout=8), value)


if __name__ == "__main__":
    unittest.main()
