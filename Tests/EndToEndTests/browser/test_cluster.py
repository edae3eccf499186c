"""The chat on two nodes that one command started with Redis: people on different nodes are in one place."""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from browser.chat_page import BIN, CLIENT_DIR, Page

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


class Cluster:
    """`docker/local-cluster`, as `make cluster` starts it."""

    def __init__(self, nodes=2, balancer="none"):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.path.join(ROOT, "docker/local-cluster"), "--nodes", str(nodes), "--port", "0",
             "--balancer", balancer, "--listen", "0", "--server", os.path.join(BIN, "socketio-server"), "--", "--client-directory", CLIENT_DIR],
            stdout=self.output, stderr=subprocess.STDOUT, env={**os.environ, "SOCKETIO_CHAT_STORE": "redis"},
            # As in a terminal: a process group of its own, in which Ctrl-C is not ignored.
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.pids, self.redis, self.balancer, self.url = [], 0, 0, None
        try:
            self.wait(lambda text: "\nready: " in text, "the nodes listen")
            lines = re.findall(r"^node \d  pid (\d+)  (http://\S+)$", self.text(), re.MULTILINE)
            self.urls = [url for _, url in lines]
            self.pids = [int(pid) for pid, _ in lines]
            self.redis = int(re.search(r"^redis   pid (\d+)", self.text(), re.MULTILINE).group(1))
            if balancer != "none":
                found = re.search(rf"^{balancer}  pid (\d+)  (http://\S+)$", self.text(), re.MULTILINE)
                self.balancer, self.url = int(found.group(1)), found.group(2)
            self.wait(lambda text: text.count("a node has joined") == nodes * (nodes - 1), "all know all")
        except BaseException:
            self.stop()
            raise

    def text(self):
        # Without `seek`, which would also move where the processes write.
        file = self.output.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def wait(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition(self.text()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{what}: not within {seconds} s; the output is:\n{self.text()}")
            time.sleep(0.05)

    def stop(self, interrupt=False):
        """Ends it, and makes sure that nothing is left."""
        if self.process.poll() is None:
            if interrupt:
                os.killpg(self.process.pid, signal.SIGINT)
            else:
                self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        left = [pid for pid in self.pids + [self.redis, self.balancer] if pid and os.path.exists(f"/proc/{pid}")]
        assert not left, f"processes {left} outlive the script"
        self.output.close()
        return code


class ClusterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.left, cls.right = cls.cluster.urls

    @classmethod
    def tearDownClass(cls):
        assert cls.cluster.stop() == 0, "exit code after SIGTERM"

    def page(self):
        page = Page()
        self.addCleanup(page.quit)
        return page

    def test_people_on_two_nodes_talk_and_see_each_other_once(self):
        ada, bob = self.page(), self.page()
        ada.enter(self.left, "Ada")
        bob.enter(self.right, "Bob")
        ada.sees("Bob joined", ".notice")
        people(ada, ["Ada (you)", "Bob"])
        people(bob, ["Ada", "Bob (you)"])
        ada.say("Hello from the left")
        bob.sees("Hello from the left")
        bob.say("Hello from the right")
        ada.sees("Hello from the right")
        ada.sent()
        for page in (ada, bob):
            self.assertEqual(page.texts(".message .text"), ["Hello from the left", "Hello from the right"])

        # As the README says.
        url = re.search(r"^redis .*  (redis\S+)$", self.cluster.text(), re.MULTILINE).group(1)
        subprocess.run([os.path.join(BIN, "socketio-server"), "emit", "--to", "lobby", "news", '{"text":"we are open"}'],
                       env={**os.environ, "SOCKETIO_REDIS_URL": url}, check=True, timeout=30)
        for page in (ada, bob):
            page.sees("we are open", "#banner")

        # Somebody who comes later, to either node, has the history of both and is counted once.
        eve = self.page()
        eve.enter(self.left, "Eve")
        eve.sees("Hello from the left")
        eve.sees("Hello from the right")
        people(eve, ["Ada", "Bob", "Eve (you)"])
        people(bob, ["Ada", "Bob (you)", "Eve"])
        self.assertEqual(sum("Eve joined" in text for text in bob.texts(".notice")), 1)
        ada.shot("cluster-left")

        # A conversation across the nodes; the third, on the same node as one of them, sees nothing.
        ada.talk_to("Bob")
        ada.say("only for you")
        bob.wait(lambda: bob.badges() == ["1"], "Bob has one unread message")
        bob.open_place("only for you")
        bob.sees("only for you")
        self.assertEqual(eve.texts("#places .avatar"), [])
        # Bob is the same person on the other node.
        token = bob.js("return localStorage.getItem('chat.person')")
        bob.driver.get(self.left + "icon.svg")
        bob.js("localStorage.setItem('chat.person', arguments[0])", token)
        bob.driver.get(self.left)
        bob.inside(None)
        bob.open_place("only for you")
        bob.sees("only for you")
        ada.say("still you?")
        bob.sees("still you?")

        bob.click("#settings-open")
        bob.click("#bye")
        bob.wait(lambda: bob.find("#welcome").is_displayed(), "Bob is out")
        eve.sees("Bob left", ".notice")
        people(eve, ["Ada", "Eve (you)"])

    def test_a_name_is_taken_on_all_nodes(self):
        first, second = self.page(), self.page()
        first.enter(self.left, "Ida")
        second.driver.get(self.right)
        second.wait(lambda: second.find("#welcome").is_displayed(), "the form")
        second.find("#name").send_keys("ida")
        second.find("#enter").click()
        second.wait(lambda: second.find("#welcome-error").is_displayed(), "refusal is shown")
        self.assertIn("taken", second.find("#welcome-error").text)


def people(page, names):
    page.click("#people-open")
    page.wait(lambda: page.texts("#people .name") == names, lambda: f"sees {names}, not {page.texts('#people .name')}", 30)
    page.click("#people-dialog .close")


class BalancerTest(unittest.TestCase):
    """The whole topology: pages that know only the balancer are in one place, whichever node they are on."""

    def through(self, balancer):
        cluster = Cluster(nodes=3, balancer=balancer)
        self.addCleanup(cluster.stop)
        pages = []
        for name in ("Ann", "Ben", "Cid", "Dot"):
            page = Page()
            self.addCleanup(page.quit)
            page.enter(cluster.url, name)
            pages.append(page)
        for page, name in zip(pages, ("Ann", "Ben", "Cid", "Dot")):
            page.say(f"{name} says hello")
        for page in pages:
            for name in ("Ann", "Ben", "Cid", "Dot"):
                page.sees(f"{name} says hello")
            self.assertEqual(page.texts(".message.failed"), [])

    def test_haproxy(self):
        self.through("haproxy")

    def test_nginx(self):
        self.through("nginx")


class CommandTest(unittest.TestCase):
    def test_ctrl_c_ends_all_of_it(self):
        cluster = Cluster()
        self.assertEqual(cluster.stop(interrupt=True), 0)

    def test_what_dies_is_told(self):
        cluster = Cluster(nodes=3, balancer="haproxy")
        for pid, line in ((cluster.pids[1], "node 2"), (cluster.redis, "redis"), (cluster.balancer, "haproxy")):
            os.kill(pid, signal.SIGKILL)
            cluster.wait(lambda text: f"\n{line} has ended\n" in text, f"the end of {line} is told")
        self.assertEqual(cluster.stop(), 0)

    def test_what_cannot_work_is_refused(self):
        for arguments, code in ((["--nodes", "0"], 64), (["--balancer", "apache"], 64), (["--listen", "x"], 64), (["--prot", "1"], 64), (["--help"], 0)):
            done = subprocess.run([os.path.join(ROOT, "docker/local-cluster"), *arguments], capture_output=True, timeout=30)
            self.assertEqual(done.returncode, code)
            self.assertIn(b"--nodes N", done.stdout + done.stderr)


class NodeDeathTest(unittest.TestCase):
    def test_a_node_dies_and_nothing_is_lost_or_doubled(self):
        cluster = Cluster(nodes=3, balancer="haproxy")
        self.addCleanup(cluster.stop)
        pages = []
        for url, name in zip((cluster.urls[0], cluster.urls[1], cluster.urls[2], cluster.url), ("Kim", "Lou", "Max", "Ned")):
            page = Page()
            self.addCleanup(page.quit)
            page.enter(url, name)
            pages.append(page)
        kim, lou, max_, ned = pages
        people(kim, ["Kim (you)", "Lou", "Max", "Ned"])
        os.kill(cluster.pids[2], signal.SIGKILL)
        for page in (kim, lou):
            page.sees("Max left", ".notice", 30)
        people(kim, ["Kim (you)", "Lou", "Ned"])
        kim.say("Where is Max?")
        lou.sees("Where is Max?")
        ned.wait(lambda: ned.find("#state").get_attribute("data-state") == "online", "Ned is back by another node", 30)
        ned.say("not here")
        for page in (kim, lou, ned):
            page.sees("not here", seconds=30)
            texts = page.texts(".message .text")
            self.assertEqual([texts.count("Where is Max?"), texts.count("not here")], [1, 1])


if __name__ == "__main__":
    unittest.main()
