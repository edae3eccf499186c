"""A room with a history, followed by the official client in Chromium, on two nodes that share a Redis."""

import os
import unittest

from browser.chat_page import Page
from python.test_client import Server
from python.test_durable import DurableCase, Redis

# As the guide has it: the page keeps the newest position, and sends it when it connects.
FOLLOW = """
    const [url, transports] = arguments;
    window.seen = [];
    window.positions = [];
    window.losses = 0;
    // When it connected, after which number, and how many numbers it had when it was told that it is connected.
    window.story = [transports.join(' and ')];
    window.member = io(url, {
        transports, reconnectionDelay: 20, reconnectionDelayMax: 100,
        auth: (send) => {
            const since = window.positions.at(-1) ?? null;
            window.story.push(`asks after ${since}, has ${window.seen.length}`);
            send({replay: 'r', since});
        },
    });
    window.member.on('connect', () => window.story.push(`is ${window.member.id}, has ${window.seen.length}`));
    window.member.on('replayed', (replay) => window.story.push(`${JSON.stringify(replay)}, has ${window.seen.length}`));
    window.member.on('n', (value, position) => { window.seen.push(value); window.positions.push(position); });
    window.member.on('disconnect', () => { window.losses += 1; });
"""


class BrowserTest(DurableCase):
    def follow(self, node, transports):
        page = Page()
        self.addCleanup(page.quit)
        page.driver.get(node.url + "/health")
        with open(os.environ["E2E_CLIENT"], encoding="utf-8") as client:
            page.js(client.read())
        page.js(FOLLOW, node.url, transports)
        return page

    def check_page(self, page, first, last):
        page.wait(lambda: page.js("return window.seen.at(-1)") == last, f"number {last}")
        story = page.js("return window.story")
        self.assertEqual(page.js("return window.seen"), list(range(first, last + 1)), story)
        positions = page.js("return window.positions")
        self.assertEqual([int(position.split("-")[1]) for position in positions], list(range(first, last + 1)))

    def test_history_live_traffic_and_the_death_of_a_node(self):
        redis = Redis()
        self.addCleanup(redis.stop)
        nodes = [Server("mixed", "--adapter", "redis", "--redis", redis.url, "--name", name, "--durable") for name in "ab"]
        self.addCleanup(nodes[0].stop)
        driver = self.driver(nodes[0])
        self.keep(driver, "r", 1, 30)
        pages = [self.follow(nodes[1], ["websocket"]), self.follow(nodes[1], ["polling"]), self.follow(nodes[1], ["polling", "websocket"])]
        self.keep(driver, "r", 31, 60)
        for page in pages:
            self.check_page(page, 1, 60)
        # Links are cut without a word, by the page and by the server.
        for value in range(61, 121):
            if value % 20 == 0:
                for page in pages:
                    page.js("window.member.io.engine.close()")
            self.keep(driver, "r", value, value)
        for page in pages:
            self.check_page(page, 1, 120)
            self.assertGreaterEqual(page.js("return window.losses"), 2)
        nodes[1].process.kill()
        nodes[1].process.wait()
        nodes[1].process.stdout.close()
        self.keep(driver, "r", 121, 150)
        for page in pages:
            page.js("window.member.io.uri = arguments[0]", nodes[0].url)
        self.keep(driver, "r", 151, 180)
        for page in pages:
            self.check_page(page, 1, 180)


if __name__ == "__main__":
    unittest.main()
