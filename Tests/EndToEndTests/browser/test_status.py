"""The status page in headless Chromium: live figures, hostile names as text, the token, and what the browser may load."""

import os
import re
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import socketio

from browser.chat_page import BIN, CLIENT_DIR, Page

HOSTILE = '<img src=x onerror="window.pwned=1">'


class StatusServer:
    """The executable with an operations listener."""

    def __init__(self, arguments=(), environment=None):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "socketio-server"), "run", "--host", "127.0.0.1", "--port", "0", "--node-tag", "n001",
             "--operations-port", "0", "--client-directory", CLIENT_DIR, *arguments],
            stdout=subprocess.DEVNULL, stderr=self.output, env={**os.environ, **(environment or {})},
        )
        self.operations = f"http://127.0.0.1:{self.find(r'opsPort=([0-9]+)')}"
        self.public = f"http://127.0.0.1:{self.find(r' listening .* port=([0-9]+)')}"

    def find(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while True:
            # Without `seek`, which would also move where the process writes.
            file = self.output.fileno()
            text = os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")
            found = re.search(pattern, text)
            if found:
                return found.group(1)
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{pattern} is not in:\n{text}")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.output.close()
        return code


class StatusTest(unittest.TestCase):
    def server(self, *arguments, **options):
        server = StatusServer(arguments, **options)

        def stop():
            assert server.stop() == 0, "exit code after SIGTERM"

        self.addCleanup(stop)
        return server

    def page(self, **size):
        page = Page(**size)
        self.addCleanup(page.quit)
        return page

    def person(self, server, name, room, transports):
        client = socketio.Client()
        self.addCleanup(client.disconnect)
        client.connect(server.public, transports=transports, auth={"name": name}, wait_timeout=20)
        client.call("join", room, timeout=20)
        return client

    def value(self, page, name):
        return page.find("#" + name).text

    def test_the_page_is_live_and_shows_names_as_text(self):
        server = self.server()
        page = self.page()
        page.driver.get(server.operations + "/status")
        page.wait(lambda: page.find("#board").is_displayed(), "the figures")
        self.assertEqual(self.value(page, "state"), "ready")
        self.assertEqual(self.value(page, "title"), "Node n001")
        self.assertEqual((self.value(page, "websocket"), self.value(page, "polling")), ("0", "0"))
        ada = self.person(server, "Ada", HOSTILE, ["websocket"])
        self.person(server, "Bob", HOSTILE, ["polling"])
        page.wait(lambda: (self.value(page, "websocket"), self.value(page, "polling")) == ("1", "1"), "both clients")
        page.wait(lambda: "room:" + HOSTILE in page.texts("#rooms th"), "the room, as text")
        row = next(row for row in page.driver.find_elements("css selector", "#rooms tr") if HOSTILE in row.text)
        self.assertTrue(row.text.endswith("/ 2"), row.text)
        self.assertIsNone(page.driver.execute_script("return window.pwned ?? null"))
        self.assertEqual(page.driver.execute_script("return document.querySelectorAll('img').length"), 0)
        self.assertEqual(page.texts("#namespaces tr")[0][:2], "/2")
        end = time.monotonic() + 6
        while time.monotonic() < end:
            ada.call("rooms", timeout=20)
            time.sleep(0.05)
            if float(self.value(page, "events-in").replace(",", "")) > 1:
                break
        else:
            self.fail("no rate of events")
        page.shot("status")
        # A heading of its own for each table and section, and no sideways scrolling of the page.
        self.assertEqual(page.driver.execute_script("return document.documentElement.lang"), "en")
        self.assertEqual(
            page.driver.execute_script(
                "return [...document.querySelectorAll('section')].filter(s => !document.getElementById("
                "s.getAttribute('aria-labelledby'))?.textContent).length"), 0)
        logs = [entry for entry in page.driver.get_log("browser") if entry["level"] not in ("DEBUG", "INFO")]
        self.assertEqual(logs, [], "nothing was refused or failed")

    def test_it_fits_a_phone_and_follows_the_dark(self):
        server = self.server()
        page = self.page(width=500, height=800)
        page.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        page.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
        self.person(server, "Ada", "x" * 64, ["websocket"])
        page.driver.get(server.operations + "/status")
        page.wait(lambda: "room:" + "x" * 64 in page.texts("#rooms th"), "the room")
        self.assertLessEqual(page.driver.execute_script("return document.documentElement.scrollWidth"), 360)
        light = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        page.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        dark = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.assertNotEqual(light, dark)
        page.shot("status-phone-dark")

    def test_the_token_is_asked_for(self):
        server = self.server(environment={"SOCKETIO_OPERATIONS_TOKEN": "s3cret"})
        page = self.page()
        page.driver.get(server.operations + "/status")
        page.wait(lambda: page.find("#login").is_displayed(), "the question")
        self.assertFalse(page.find("#board").is_displayed())
        page.find("#token").send_keys("wrong")
        page.find("#login button").click()
        page.wait(lambda: page.find("#wrong").is_displayed(), "the refusal")
        self.assertFalse(page.find("#board").is_displayed())
        page.find("#token").send_keys("s3cret")
        page.find("#login button").click()
        page.wait(lambda: page.find("#board").is_displayed(), "the figures")
        page.driver.refresh()
        page.wait(lambda: page.find("#board").is_displayed(), "the figures, without being asked again")

    def test_nothing_of_it_is_public_and_other_pages_stay_out(self):
        server = self.server()
        for path in ("/status", "/status/socket.io/?EIO=4&transport=polling", "/status/socket.io/socket.io.min.js"):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(server.public + path, timeout=20)
            self.assertEqual(caught.exception.code, 404, path)
            caught.exception.close()
        page = self.page()
        page.driver.get(server.public + "/healthz")
        opened = page.driver.execute_async_script(
            """
            const [url, done] = arguments;
            const socket = new WebSocket(url);
            socket.onopen = () => done(true);
            socket.onerror = () => done(false);
            """, server.operations.replace("http", "ws") + "/status/socket.io/?EIO=4&transport=websocket")
        self.assertFalse(opened)


if __name__ == "__main__":
    unittest.main()
