"""Pages of other origins in headless Chromium, against the executable as it is without settings for origins."""

import unittest

from browser.chat_page import Page
from browser.test_status import StatusServer

# What a foreign page can try: a WebSocket, and a request with the cookies of the person in front of the screen.
ATTEMPT = """
    const [url, done] = arguments;
    const socket = new WebSocket(url.replace('http', 'ws') + '/socket.io/?EIO=4&transport=websocket');
    const webSocket = new Promise((resolve) => {
        socket.onmessage = (event) => resolve('open: ' + event.data.slice(0, 7));
        socket.onerror = () => resolve('refused');
    });
    const polling = fetch(url + '/socket.io/?EIO=4&transport=polling', {method: 'GET', credentials: 'include'})
        .then((answer) => answer.status).catch(() => 'blocked');
    Promise.all([webSocket, polling]).then(done);
"""


class OriginTest(unittest.TestCase):
    def setUp(self):
        self.server = StatusServer()
        self.addCleanup(self.server.stop)
        self.page = Page()
        self.addCleanup(self.page.quit)

    def attempt(self, page, server):
        self.page.driver.get(page + "/healthz")
        return self.page.driver.execute_async_script(ATTEMPT, server)

    def test_the_servers_own_page_may_connect(self):
        for name in ("127.0.0.1", "localhost"):
            own = self.server.public.replace("127.0.0.1", name)
            self.assertEqual(self.attempt(own, own), ['open: 0{"sid"', 200], name)

    def test_pages_of_other_hosts_and_ports_may_not(self):
        public = self.server.public
        # The operations listener stands for another site: the same machine, another port.
        self.assertEqual(self.attempt(self.server.operations, public), ["refused", "blocked"])
        # The same server by another name is another origin.
        self.assertEqual(self.attempt(public.replace("127.0.0.1", "localhost"), public), ["refused", "blocked"])
        self.server.find("(cors.origin does not allow the page it comes from)")


if __name__ == "__main__":
    unittest.main()
