"""People in a chat of several nodes while Redis or nodes are away, with and without WebSocket: nothing is lost or doubled."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from browser.chat_page import BIN, ChatServer, Page, free_port

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CONFIG = os.path.join(ROOT, "config", "cluster.yaml")
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"


def wait_for_port(process, port, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{process.args[0]} does not listen") from None
            time.sleep(0.05)


class Redis:
    """A Redis that keeps what it has acknowledged over `kill` and `start`."""

    def __init__(self):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="sio-redis-")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder, "--save", "", "--appendonly", "yes"],
            stdout=subprocess.DEVNULL)
        wait_for_port(self.process, self.port)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=15)

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class OutageCase(unittest.TestCase):
    """Nodes as of config/cluster.yaml, over a Redis of their own, and HAProxy with the configuration that the server writes."""

    def start(self, count, balanced=False):
        self.redis = Redis()
        self.addCleanup(self.redis.stop)
        self.nodes = []
        for number in range(count):
            node = ChatServer(
                {"SOCKETIO_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}", "SOCKETIO_NODE_TAG": f"n00{number + 1}",
                 "SOCKETIO_CHAT_STORE": "redis", "SOCKETIO_TRUSTED_PROXIES": "127.0.0.1", "SOCKETIO_DRAIN_WINDOW_MS": "1000"},
                ["--config", CONFIG])
            self.addCleanup(node.stop)
            self.nodes.append(node)
        if balanced:
            self.balance()

    def balance(self):
        port = free_port()
        places = [text for number, node in enumerate(self.nodes) for text in ("--node", f"n00{number + 1}=127.0.0.1:{node.port}")]
        file = os.path.join(self.redis.folder, "haproxy.cfg")
        with open(file, "w") as output:
            subprocess.run([os.path.join(BIN, "socketio-server"), "proxy-config", "haproxy", *places, "--listen", f"127.0.0.1:{port}",
                            "--config", CONFIG], stdout=output, check=True, timeout=30)
        balancer = subprocess.Popen([HAPROXY, "-db", "-f", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            balancer.send_signal(signal.SIGTERM)
            balancer.wait(timeout=15)
        self.addCleanup(end)
        wait_for_port(balancer, port)
        self.url = f"http://127.0.0.1:{port}/"

    def person(self, url, name, **more):
        page = Page(**more)
        self.addCleanup(page.quit)
        page.enter(url, name)
        return page

    def all_have(self, pages, texts, seconds=60):
        """Everybody has these messages, each once, in this order."""
        for page in pages:
            page.wait(lambda: page.texts(".message .text") == texts, lambda: f"{texts}, not {page.texts('.message .text')}", seconds)
            page.sent(seconds)


class PollingTest(OutageCase):
    def test_people_without_websocket_behind_a_balancer(self):
        self.start(3, balanced=True)
        ada, bob = self.person(self.url, "Ada", polling=True), self.person(self.url, "Bob", polling=True)
        cid = self.person(self.url, "Cid")
        said = []
        for page, text in ((ada, "by polling"), (bob, "by polling, too"), (cid, "by WebSocket")):
            page.say(text)
            said.append(text)
            self.all_have([ada, bob, cid], said)
        self.assertEqual([ada.js("return window.socket.io.engine.transport.name"), cid.js("return window.socket.io.engine.transport.name")],
                         ["polling", "websocket"])
        with tempfile.NamedTemporaryFile(suffix=".txt") as file:
            file.write(b"abc" * 100_000)
            file.flush()
            ada.find("#file").send_keys(file.name)
            bob.sees(os.path.basename(file.name), ".file-name", 30)
            bob.click(".file button", "Download")
            bob.wait(lambda: bob.js("const a = document.querySelector('.file a.button'); return Boolean(a && a.href.startsWith('blob:'))"),
                     "the file is here", 30)
        ada.shot("polling")
        # A node after the other dies; whoever was on it goes on with another.
        for number, node in enumerate(self.nodes[:2]):
            node.kill()
            ada.say(f"after death {number}")
            bob.say(f"and an answer {number}")
            for page in (ada, bob, cid):
                for text in (f"after death {number}", f"and an answer {number}"):
                    page.sees(text, seconds=60)
            node.start()
        for page in (ada, bob, cid):
            page.sent(60)
            texts = page.texts(".message .text")
            self.assertEqual(sorted(texts[-4:]), ["after death 0", "after death 1", "and an answer 0", "and an answer 1"])
            self.assertEqual(len(texts), len(set(texts)), texts)
        self.assertEqual(ada.texts(".message .text"), cid.texts(".message .text"), "the same order for everyone")


class RedisTest(OutageCase):
    def test_redis_is_killed_and_comes_back(self):
        self.start(2)
        ada, bob = self.person(self.nodes[0].url, "Ada"), self.person(self.nodes[1].url, "Bob")
        ada.say("before")
        self.all_have([ada, bob], ["before"])
        self.redis.kill()
        ada.say("while Redis is away")
        bob.say("I write, too")
        for page in (ada, bob):
            page.wait(lambda: page.texts(".message.pending"), "the message waits")
        ada.shot("redis-away")
        # As long as a restart of Redis may take; nothing is called lost.
        time.sleep(3)
        for page in (ada, bob):
            self.assertEqual(page.texts(".message.failed"), [])
        self.redis.start()
        for page in (ada, bob):
            page.sent(60)
            for text in ("while Redis is away", "I write, too"):
                page.sees(text, seconds=60)
        order = ada.texts(".message .text")
        self.assertEqual(sorted(order), ["I write, too", "before", "while Redis is away"])
        self.all_have([ada, bob], order)
        for page in (ada, bob):
            page.reload()
        self.all_have([ada, bob], order)
        # A conversation still gets to the other node, and is counted as unread once.
        ada.talk_to("Bob")
        ada.say("only for you")
        ada.sent()
        bob.wait(lambda: bob.badges() == ["1"], lambda: f"one unread message, not {bob.badges()}", 30)


class DeployTest(OutageCase):
    def test_a_rolling_deploy_loses_nothing(self):
        self.start(3, balanced=True)
        pages = [self.person(self.url, name) for name in ("Ann", "Ben", "Cid")]
        said = []

        def talk():
            # In turns, each as soon as the others have what was said before.
            for page in pages:
                text = f"message {len(said)}"
                page.say(text)
                said.append(text)
                self.all_have(pages, said)
        talk()
        for node in self.nodes:
            node.replace()
            talk()
        for page in pages:
            page.reload()
        self.all_have(pages, said)
        # What is said while nodes end and start arrives as well.
        for node in self.nodes[:2]:
            node.process.send_signal(signal.SIGTERM)
            for number in range(5):
                text = f"meanwhile {len(said)}"
                pages[number % 3].say(text)
                said.append(text)
            self.assertEqual(node.process.wait(timeout=60), 0)
            node.start()
        for page in pages:
            for text in said:
                page.sees(text, seconds=60)
            page.sent(60)
        texts = pages[0].texts(".message .text")
        self.assertEqual(sorted(texts), sorted(said))
        self.all_have(pages, texts)


if __name__ == "__main__":
    unittest.main()
