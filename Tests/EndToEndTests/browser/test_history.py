"""A long history in the chat page: all of it can be scrolled, and the page stays quick."""

import json
import os
import sqlite3
import unittest

from browser.test_chat import ChatCase


class LongHistoryTest(ChatCase):
    COUNT = 10_000

    def lengthen(self, message):
        """Stores copies of the message under the next numbers, while the server is down."""
        database = sqlite3.connect(os.path.join(self.server.folder, "data", "chat.sqlite"))
        # The text stands as bytes in its own column, and not in the JSON.
        found, size = database.execute("SELECT json, size FROM message WHERE text = ?", (message.encode(),)).fetchone()
        first = json.loads(found)
        rows = []
        for seq in range(first["seq"] + 1, self.COUNT + 1):
            copy = first | {"seq": seq, "id": f"{seq:032x}"}
            rows.append((copy["room"], seq, copy["from"], copy["id"], copy["rev"], copy["time"], size, f"old {seq}".encode(), json.dumps(copy)))
        with database:
            database.executemany("INSERT INTO message (room, seq, person, id, rev, time, size, text, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            database.execute("UPDATE room SET last = ?, bytes = bytes + ? WHERE key = ?", (self.COUNT, size * len(rows), first["room"]))
        database.close()

    def test_ten_thousand_messages_are_scrolled(self):
        ona, = self.people("Ona")
        ona.say("old 1")
        ona.sent()
        self.server.process.terminate()
        self.assertEqual(self.server.process.wait(timeout=20), 0)
        self.lengthen("old 1")
        self.server.start()
        ona.reload()
        ona.sees(f"old {self.COUNT}")
        loading = ona.js("return document.querySelector('#log .notice').textContent")

        def is_at_the_top():
            ona.js("document.getElementById('log').scrollTop = 0")
            return ona.js("return document.querySelector('#log .notice').textContent !== arguments[0]", loading)

        ona.wait(is_at_the_top, lambda: f"the oldest message, not {ona.texts('#log .message .text')[:1]}", 300)
        self.assertEqual(ona.texts("#log .message .text"), [f"old {number}" for number in range(1, self.COUNT + 1)])

        # Back at the end the page forgets what is far above, and fetches it again for those who scroll there.
        ona.click("#jump")
        ona.say("the newest")
        ona.sent()
        ona.sees("the newest")
        self.assertLess(len(ona.texts("#log .message")), 1000)
        ona.js("document.getElementById('log').scrollTop = 0")
        ona.wait(lambda: len(ona.texts("#log .message")) > 301, "older messages once more")
        texts = ona.texts("#log .message .text")
        self.assertEqual(texts, [f"old {number}" for number in range(self.COUNT - len(texts) + 2, self.COUNT + 1)] + ["the newest"])
        self.assertEqual(ona.errors(), [])


if __name__ == "__main__":
    unittest.main()
