"""The shipped chat page in headless Chromium: two people talk; screenshots are kept in E2E_SHOTS."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

BIN = os.environ["E2E_BIN"]
CLIENT_DIR = os.path.dirname(os.path.abspath(os.environ["E2E_CLIENT"]))
SHOTS = os.environ.get("E2E_SHOTS") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", ".cache", "test", "screenshots")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class ChatServer:
    """The executable as `make run` starts it."""

    def __init__(self, port=None, environment=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(
            [os.path.join(BIN, "socketio-server"), "run", "--host", "127.0.0.1", "--port", str(self.port),
             "--client-directory", CLIENT_DIR],
            stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
        )
        end = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(self.url + "healthz", timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the server does not answer") from None
                time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


class Page:
    """One person's browser."""

    def __init__(self, width=1200, height=800):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def wait(self, condition, what, seconds=12):
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: condition(), what)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def texts(self, css):
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map(n => n.textContent)", css)

    def enter(self, url, name):
        self.driver.get(url)
        self.find("#name").send_keys(name)
        self.find("#enter").click()
        self.wait(lambda: self.find("#app").is_displayed(), f"{name} is in")
        self.wait(lambda: self.find("#state").get_attribute("data-transport") == "websocket", "upgrade reached")

    def say(self, text):
        self.wait(lambda: self.find("#message").is_enabled(), "may write")
        self.find("#message").send_keys(text)
        self.find("#send").click()

    def sees(self, text, css=".message .text", seconds=12):
        self.wait(lambda: any(text in seen for seen in self.texts(css)), f"sees {text!r}", seconds)

    def shot(self, name):
        os.makedirs(SHOTS, exist_ok=True)
        path = os.path.join(SHOTS, name + ".png")
        if not self.driver.save_screenshot(path):
            raise RuntimeError("no screenshot")
        return path

    def quit(self):
        self.driver.quit()


class ChatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ChatServer()

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "exit code after SIGTERM"

    def page(self, **size):
        page = Page(**size)
        self.addCleanup(page.quit)
        return page

    def test_two_people_talk(self):
        ada, bob = self.page(), self.page(width=390, height=800)
        ada.enter(self.server.url, "Ada")
        bob.enter(self.server.url, "Bob")
        ada.sees("Bob joined", ".notice")
        ada.wait(lambda: ada.texts("#people .open") == ["Ada (you)", "Bob"], "Ada sees both people")

        ada.say("Hello <b>Bob</b> & all")
        bob.sees("Hello <b>Bob</b> & all")
        self.assertEqual(bob.driver.execute_script("return document.querySelectorAll('.log b').length"), 0)
        ada.wait(lambda: not ada.texts(".message.pending"), "the message is acknowledged")
        self.assertEqual(ada.texts(".message.failed"), [])
        bob.say("Hi Ada")
        ada.sees("Hi Ada")
        self.assertGreater(os.path.getsize(ada.shot("chat-wide")), 5000)
        self.assertGreater(os.path.getsize(bob.shot("chat-phone")), 5000)
        overflow = bob.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        self.assertLessEqual(overflow, 0, "the page fits a phone's width")
        severe = [entry for entry in ada.driver.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(severe, [])

        bob.find("#bye").click()
        bob.wait(lambda: bob.find("#welcome").is_displayed(), "Bob is out")
        self.assertFalse(bob.driver.execute_script("return window.socket.connected"))
        ada.sees("Bob left", ".notice")

    def test_rooms_are_joined_and_left(self):
        eve, finn = self.page(), self.page()
        eve.enter(self.server.url, "Eve")
        finn.enter(self.server.url, "Finn")
        eve.find("#join-name").send_keys("garden")
        eve.find("#join-form button").click()
        eve.wait(lambda: eve.find("#title").text == "# garden", "Eve is in the garden")
        finn.wait(lambda: any("garden" in t for t in finn.texts("#rooms .open")), "Finn sees the garden listed")
        eve.say("before Finn came")
        eve.sees("before Finn came")
        finn.driver.execute_script(
            "[...document.querySelectorAll('#rooms .open')].find(n => n.textContent.includes('garden')).click()")
        finn.sees("before Finn came")
        eve.sees("Finn joined", ".notice")
        finn.driver.execute_script(
            "document.querySelector('#rooms li.current .close').click()")
        eve.sees("Finn left", ".notice")

    def test_one_to_one_with_unread_count(self):
        gus, hal = self.page(), self.page()
        gus.enter(self.server.url, "Gus")
        hal.enter(self.server.url, "Hal")
        gus.wait(lambda: "Hal" in gus.texts("#people .open"), "Gus sees Hal")
        gus.driver.execute_script(
            "[...document.querySelectorAll('#people .open')].find(n => n.textContent === 'Hal').click()")
        gus.wait(lambda: gus.find("#title").text == "Hal", "conversation is open")
        gus.say("only for you")
        hal.wait(lambda: hal.texts("#conversations .badge") == ["1"], "Hal has one unread message")
        hal.driver.execute_script("document.querySelector('#conversations .open').click()")
        hal.sees("only for you")
        self.assertEqual(hal.texts("#conversations .badge"), [])

    def test_a_taken_name_is_refused(self):
        first, second = self.page(), self.page()
        first.enter(self.server.url, "Ida")
        second.driver.get(self.server.url)
        second.find("#name").send_keys("ida")
        second.find("#enter").click()
        second.wait(lambda: second.find("#welcome-error").is_displayed(), "refusal is shown")
        self.assertIn("taken", second.find("#welcome-error").text)


class CompressionTest(unittest.TestCase):
    def test_messages_are_compressed(self):
        server = ChatServer(environment={
            "SOCKETIO_PER_MESSAGE_DEFLATE_ENABLED": "true", "SOCKETIO_PER_MESSAGE_DEFLATE_THRESHOLD": "0"})
        self.addCleanup(server.stop)
        lea, max_ = Page(), Page()
        self.addCleanup(lea.quit)
        self.addCleanup(max_.quit)
        lea.enter(server.url, "Lea")
        max_.enter(server.url, "Max")
        extensions = lea.driver.execute_script("return window.socket.io.engine.transport.ws.extensions")
        self.assertTrue(extensions.startswith("permessage-deflate"), extensions)
        text = "again and again " * 20
        lea.say(text)
        max_.sees(text.strip())
        max_.say("and back " * 20)
        lea.sees("and back and back")


class ReconnectTest(unittest.TestCase):
    def test_reconnection_is_shown_and_works(self):
        server = ChatServer()
        page = Page()
        self.addCleanup(page.quit)
        page.enter(server.url, "Kim")
        page.say("first")
        page.sees("first")
        self.assertEqual(server.stop(), 0)
        page.wait(lambda: page.find("#state").get_attribute("data-state") != "online", "loss is shown")
        page.sees("Connection lost", ".notice")
        server = ChatServer(port=server.port)
        self.addCleanup(server.stop)
        page.wait(lambda: page.find("#state").get_attribute("data-state") == "online", "back online", 20)
        page.sees("Back online", ".notice")
        page.say("second")
        page.wait(lambda: not page.texts(".message.pending"), "delivered")
        page.sees("second")
        self.assertEqual(page.texts(".message.failed"), [])


class LoginTest(unittest.TestCase):
    """People come with a token, made here, and have the name it says."""

    SECRET = "a secret of the tests with more than 32 bytes"

    @classmethod
    def setUpClass(cls):
        cls.server = ChatServer(environment={
            "SOCKETIO_AUTH_JWT_MODE": "required", "SOCKETIO_AUTH_JWT_SECRET": cls.SECRET,
            "SOCKETIO_AUTH_JWT_NAME_CLAIM": "name", "SOCKETIO_AUTH_JWT_LEEWAY_SECONDS": "0",
            "SOCKETIO_AUTH_JWT_EXPIRY_GRACE_MS": "0"})
        cls.page = Page()

    @classmethod
    def tearDownClass(cls):
        cls.page.quit()
        assert cls.server.stop() == 0, "exit code after SIGTERM"

    def token(self, seconds):
        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        claims = {"sub": "1", "name": "Ada of the token", "exp": int(time.time()) + seconds}
        signed = part(b'{"alg":"HS256"}') + "." + part(json.dumps(claims).encode())
        return signed + "." + part(hmac.new(self.SECRET.encode(), signed.encode(), hashlib.sha256).digest())

    def test_the_name_is_that_of_the_token(self):
        page = self.page
        page.enter(self.server.url + "#token=" + self.token(600), "Somebody else")
        page.wait(lambda: "Ada of the token" in page.find("#state").text, "the name of the token")
        page.say("hello")
        page.sees("hello", ".message.mine .text")

    def test_without_a_token_nobody_comes_in(self):
        page = self.page
        page.driver.get("about:blank")
        page.driver.get(self.server.url)
        page.find("#name").send_keys("Guest")
        page.find("#enter").click()
        page.wait(lambda: "Authentication required" in page.find("body").text, "the refusal")
        self.assertFalse(page.find("#app").is_displayed())

    def test_the_end_of_the_token_ends_the_visit(self):
        page = self.page
        page.driver.get("about:blank")
        page.enter(self.server.url + "#token=" + self.token(15), "x")
        page.wait(lambda: not page.find("#app").is_displayed() or "left" in page.find("#state").text, "the end", 60)


if __name__ == "__main__":
    unittest.main()
