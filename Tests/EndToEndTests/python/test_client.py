"""The independent client python-socketio, both transports, against the conformance server's `mixed` app."""

import os
import subprocess
import threading
import unittest

import engineio.payload
import socketio

# This client refuses polling answers of more than 16 packets unless told otherwise, from any server.
engineio.payload.Payload.max_decode_packets = 1000

BIN = os.environ["E2E_BIN"]


class Server:
    """A running conformance server."""

    def __init__(self, app, *args):
        self.process = subprocess.Popen(
            [os.path.join(BIN, "socketio-conformance-server"), "--app", app, "--port", "0", *args],
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line.startswith("listening "):
            raise RuntimeError(f"server did not listen: {line!r}")
        self.url = f"http://127.0.0.1:{int(line.split()[1])}"

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code


class ClientCases:
    """Cases for one transport; subclasses name it."""

    transport = ""
    args = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server("mixed", *cls.args)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "exit code after SIGTERM"

    def connect(self, namespaces=None):
        client = socketio.Client(reconnection=False)
        client.connect(self.server.url, transports=[self.transport], namespaces=namespaces, wait_timeout=8)
        self.addCleanup(client.disconnect)
        return client

    def test_text(self):
        client = self.connect()
        value = ["ü €", {"a": [1, 2.5, None, True]}, ""]
        self.assertEqual(client.call("echo", value, timeout=8), value)
        self.assertEqual(client.transport(), self.transport)

    def test_binary(self):
        client = self.connect()
        answer = client.call("echo", {"deep": [b"\x00\xff"], "text": "t"}, timeout=8)
        self.assertEqual(answer, {"deep": [b"\x00\xff"], "text": "t"})

    def test_several_arguments(self):
        client = self.connect()
        self.assertEqual(list(client.call("echo", (1, "two", b"3"), timeout=8)), [1, "two", b"3"])

    def test_rooms(self):
        a, b = self.connect(), self.connect()
        got = threading.Event()
        b.on("x", lambda value: got.set() if value == 5 else None)
        room = f"r-{self.transport}"
        self.assertEqual(b.call("join", room, timeout=8), "ok")
        a.call("bcast", ({"to": [room]}, "x", [5]), timeout=8)
        self.assertTrue(got.wait(8))

    def test_namespaces(self):
        client = self.connect(namespaces=["/", "/chat"])
        self.assertEqual(client.call("whoami", namespace="/", timeout=8)["nsp"], "/")
        self.assertEqual(client.call("whoami", namespace="/chat", timeout=8)["nsp"], "/chat")

    def test_server_disconnects(self):
        client = self.connect()
        gone = threading.Event()
        client.on("disconnect", lambda *_: gone.set())
        client.emit("kick-me", True)
        self.assertTrue(gone.wait(8))

    def test_order(self):
        client = self.connect()
        seen = []
        done = threading.Event()

        def answered(value):
            seen.append(value)
            if len(seen) == 200:
                done.set()

        for i in range(200):
            client.emit("echo", i, callback=answered)
        self.assertTrue(done.wait(15))
        self.assertEqual(seen, list(range(200)))


class PollingTest(ClientCases, unittest.TestCase):
    transport = "polling"


class WebSocketTest(ClientCases, unittest.TestCase):
    transport = "websocket"


class PollingFourLoopsTest(ClientCases, unittest.TestCase):
    transport = "polling"
    args = ("--event-loops", "4")


class WebSocketFourLoopsTest(ClientCases, unittest.TestCase):
    transport = "websocket"
    args = ("--event-loops", "4")


if __name__ == "__main__":
    unittest.main()
