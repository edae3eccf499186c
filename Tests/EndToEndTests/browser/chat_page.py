"""A chat server and the browsers of people, for the tests of the page."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
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
    """The executable as `make run` starts it, in a folder of its own; `start` again after `kill`."""

    def __init__(self, environment=None, arguments=()):
        self.arguments = arguments
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.folder = tempfile.mkdtemp(prefix="sio-chat-")
        self.environment = {**os.environ, "SOCKETIO_CHAT_STORE": "sqlite", **(environment or {})}
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [os.path.join(BIN, "socketio-server"), "run", "--host", "127.0.0.1", "--port", str(self.port),
             "--client-directory", CLIENT_DIR, *self.arguments],
            stdout=subprocess.DEVNULL, cwd=self.folder, env=self.environment)
        end = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(self.url + "healthz", timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the server does not answer") from None
                time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=15)

    def replace(self):
        """As a deploy does: the old process ends in its own time, then a new one takes its place."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, "exit code after SIGTERM"
        self.start()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Page:
    """One person's browser; `polling` for one that has no WebSocket."""

    def __init__(self, width=1200, height=800, language="en-US", dark=False, phone=False, polling=False):
        self.transport = "polling" if polling else "websocket"
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         f"--window-size={width},{height}", f"--lang={language}", f"--accept-lang={language}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        if phone:
            # Windows of Chromium are not as narrow as phones.
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": height, "deviceScaleFactor": 2, "mobile": True})
        self.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
        if polling:
            self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": "window.WebSocket = undefined"})
        if dark:
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
                "features": [{"name": "prefers-color-scheme", "value": "dark"}]})

    # A page that reloads itself takes its elements and its scripts with it while a condition looks at them.
    BETWEEN_PAGES = (NoSuchElementException, StaleElementReferenceException, JavascriptException)

    def wait(self, condition, what, seconds=40):
        """Waits for the condition; `what` names it, or is a function that says how it is at the end."""
        patience = WebDriverWait(self.driver, seconds, poll_frequency=0.05, ignored_exceptions=self.BETWEEN_PAGES)
        try:
            return patience.until(lambda _: condition())
        except TimeoutException:
            raise TimeoutException(f"not within {seconds} s: {what() if callable(what) else what}") from None

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def texts(self, css):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(n => n.textContent)", css)

    def click(self, css, text=None):
        """Clicks the last that is shown and has the text."""
        self.wait(lambda: self.js(
            "const n = [...document.querySelectorAll(arguments[0])].findLast(n => (!arguments[1] || n.textContent.includes(arguments[1])) && n.offsetParent);"
            "if (n) n.click(); return Boolean(n)", css, text), f"{css} {text or ''} to click")

    def enter(self, url, name, title="# general"):
        self.driver.get(url)
        self.wait(lambda: self.find("#welcome").is_displayed(), "the form")
        self.find("#name").clear()
        self.find("#name").send_keys(name)
        self.find("#enter").click()
        self.inside(title)

    def inside(self, title="# general"):
        self.wait(lambda: self.find("#app").is_displayed(), "is in")
        self.wait(lambda: self.find("#state").get_attribute("data-transport") == self.transport, f"{self.transport} is used")
        if title:
            self.wait(lambda: self.find("#title").text == title and self.find("#message").is_enabled(), lambda: f"{title} is open, not {self.find('#title').text}")

    def reload(self, title="# general"):
        self.driver.refresh()
        self.inside(title)

    def say(self, text):
        self.wait(lambda: self.find("#message").is_enabled(), "may write")
        box = self.find("#message")
        lines = text.split("\n")
        for index, line in enumerate(lines):
            box.send_keys(line)
            if index < len(lines) - 1:
                box.send_keys(Keys.SHIFT, Keys.ENTER)
        self.find("#send").click()

    def sees(self, text, css=".message .text", seconds=40):
        self.wait(lambda: any(text in seen for seen in self.texts(css)), lambda: f"sees {text!r} in {self.texts(css)[-5:]}", seconds)

    def sent(self, seconds=20):
        """Everything written has been acknowledged."""
        self.wait(lambda: not self.texts(".message.pending"), "acknowledged", seconds)
        assert self.texts(".message.failed") == [], self.texts(".message.failed")

    def talk_to(self, name):
        self.click("#people-open")
        self.click("#people .open", name)
        self.wait(lambda: self.find("#title").text == name, "the conversation is open")

    def open_place(self, text):
        if not self.find("#side").is_displayed():
            self.click("#menu")
        self.click("#places .place", text)

    def badges(self):
        return self.texts("#places .badge")

    def overflow(self):
        return self.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def shot(self, name):
        os.makedirs(SHOTS, exist_ok=True)
        path = os.path.join(SHOTS, name + ".png")
        if not self.driver.save_screenshot(path):
            raise RuntimeError("no screenshot")
        assert os.path.getsize(path) > 5000, name
        return path

    def errors(self):
        return [entry for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "WebSocket" not in entry["message"] and "Failed to load resource" not in entry["message"]]

    def quit(self):
        self.driver.quit()
