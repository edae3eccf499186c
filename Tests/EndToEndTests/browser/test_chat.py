"""The shipped chat page in headless Chromium; screenshots are kept in E2E_SHOTS."""

import base64
import hashlib
import hmac
import json
import os
import tempfile
import time
import unittest

from selenium.webdriver.common.keys import Keys

from browser.chat_page import BIN, CLIENT_DIR, ChatServer, Page


class ChatCase(unittest.TestCase):
    """A server, and browsers that several tests use one after the other, each time as new people."""

    environment = {"SOCKETIO_CHAT_MESSAGES_PER_MINUTE": "100000"}
    pages = []

    @classmethod
    def setUpClass(cls):
        cls.server = ChatServer(environment=cls.environment)
        cls.pages = []

    @classmethod
    def tearDownClass(cls):
        for page in cls.pages:
            page.quit()
        assert cls.server.stop() == 0, "exit code after SIGTERM"

    def people(self, *names):
        """Desktops with these people in them; what browsers kept of others is gone."""
        while len(self.pages) < len(names):
            self.pages.append(Page())
        for page, name in zip(self.pages, names):
            page.driver.get(self.server.url + "icon.svg")
            page.js("localStorage.clear(); sessionStorage.clear()")
            page.enter(self.server.url, name)
        return self.pages[:len(names)]

    def phone(self, name, width=390, **more):
        page = Page(width=width, height=800, phone=True, **more)
        self.addCleanup(page.quit)
        page.enter(self.server.url, name)
        return page


class TalkTest(ChatCase):
    def test_two_people_talk_and_leave(self):
        ada, bob = self.people("Ada", "Bob")
        ada.sees("Bob joined", ".notice")
        ada.say("Hello <b>Bob</b> & all")
        bob.sees("Hello <b>Bob</b> & all")
        self.assertEqual(bob.js("return document.querySelectorAll('.log b').length"), 0)
        ada.sent()
        bob.say("Hi Ada")
        ada.sees("Hi Ada")
        ada.shot("talk-desktop")
        self.assertEqual(ada.errors(), [])
        bob.click("#settings-open")
        bob.click("#bye")
        bob.wait(lambda: bob.find("#welcome").is_displayed(), "Bob is out")
        ada.sees("Bob left", ".notice")

    def test_lines_links_and_what_was_said_before(self):
        gus, hal = self.people("Gus", "Hal")
        gus.say("first line\nsecond https://example.com/a?b=1). and javascript:alert(1)")
        hal.sees("first line\nsecond")
        links = hal.js("return [...document.querySelectorAll('.log .text a')].map(a => [a.href, a.rel, a.target])")
        self.assertEqual(links[-1], ["https://example.com/a?b=1", "noopener noreferrer nofollow ugc", "_blank"])
        hal.reload()
        hal.sees("first line\nsecond")

    def test_rooms_drafts_and_conversations_outlive_a_reload(self):
        ida, jim = self.people("Ida", "Jim")
        ida.click("#new-open")
        ida.find("#join-name").send_keys("garden")
        ida.click("#join-form button")
        ida.wait(lambda: ida.find("#title").text == "# garden", "Ida is in the garden")
        ida.shot("empty-room")
        ida.find("#message").send_keys("half a thou")
        ida.reload("# garden")
        self.assertEqual(ida.find("#message").get_attribute("value"), "half a thou")
        ida.find("#message").send_keys("ght")
        ida.find("#send").click()
        ida.sees("half a thought")
        ida.open_place("general")
        ida.wait(lambda: ida.find("#title").text == "# general", "back")
        ida.talk_to("Jim")
        ida.say("only for you")
        ida.sent()
        ida.reload("Jim")
        ida.sees("only for you")
        jim.wait(lambda: jim.badges() == ["1"], "Jim has one unread")

    def test_messages_are_changed_answered_and_found(self):
        kim, lou = self.people("Kim", "Lou")
        kim.say("helo world")
        kim.sent()
        lou.sees("helo world")
        kim.click(".message.mine .more")
        kim.shot("menu-of-a-message")
        kim.click(".menu button", "Edit")
        kim.find("#message").clear()
        kim.find("#message").send_keys("hello world")
        kim.find("#send").click()
        lou.sees("hello world")
        lou.sees("edited", ".edited")
        lou.click(".message .more")
        lou.click(".menu .emoji", "👍")
        kim.sees("👍 1", ".reaction")
        lou.click(".message .more")
        lou.click(".menu button", "Reply")
        lou.say("indeed")
        kim.sees("hello world", ".quote")
        kim.click("#search-open")
        kim.find("#search").send_keys("HELLO")
        kim.wait(lambda: kim.texts("#found button"), "found")
        kim.find("#search").send_keys(Keys.ESCAPE)
        lou.click(".message.mine .more")
        lou.js("window.confirm = () => true")
        lou.click(".menu button", "Delete")
        kim.sees("Message deleted", ".gone")
        kim.shot("reply-reaction-deleted")

    def test_a_picture_and_a_file_arrive(self):
        max_, ned = self.people("Max", "Ned")
        with tempfile.TemporaryDirectory() as folder:
            picture, text = os.path.join(folder, "dot.png"), os.path.join(folder, "notes.txt")
            with open(picture, "wb") as file:
                file.write(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP8z4APMOGVHbHSAEEsAROxCnMTAAAAAElFTkSuQmCC"))
            with open(text, "wb") as file:
                file.write(b"abc" * 100_000)
            max_.find("#file").send_keys(picture)
            ned.wait(lambda: ned.js("const p = document.querySelector('.picture'); return p && p.naturalWidth") == 10, "the picture is shown")
            max_.find("#file").send_keys(text)
            ned.sees("notes.txt", ".file-name")
            max_.sent()
            ned.click(".file button", "Download")
            # The link appears when the last piece is there.
            ned.wait(lambda: ned.js("const a = document.querySelector('.file a.button'); return a && a.href.startsWith('blob:') && a.download") == "notes.txt", "the file is here")
        ned.shot("files")
        self.assertEqual(ned.errors(), [])

    def test_a_nasty_list_of_names_is_refused_and_a_taken_one(self):
        ona, other = self.people("Ona", "Pam")
        other.driver.get(self.server.url + "icon.svg")
        other.js("localStorage.clear()")
        other.driver.get(self.server.url)
        other.wait(lambda: other.find("#welcome").is_displayed(), "the form")
        for name in ("\u2800", "\u00ad", "\u3164", "O\u200bna", "\u041ena", "On\u202ea", "oNA", "0na"):
            other.js("document.getElementById('name').value = arguments[0]", name)
            other.js("document.getElementById('welcome-form').requestSubmit()")
            if name.strip():
                other.wait(lambda: other.find("#welcome-error").is_displayed() and other.find("#enter").is_enabled(), f"{name!r} is refused")
            self.assertFalse(other.find("#app").is_displayed(), repr(name))
        self.assertIn("taken", other.find("#welcome-error").text)
        other.shot("name-taken")

    def test_a_community_is_entered_by_link(self):
        ray, sue = self.people("Ray", "Sue")
        ray.click("#new-open")
        ray.find("#community-name").send_keys("Book club")
        ray.click("#community-form button")
        ray.sees("Book club", "#places h2")
        ray.wait(lambda: ray.find("#subtitle").text.startswith("Book club"), "the new community is open")
        link = ray.js("return [...document.querySelectorAll('#places section')].length") and self.server.url + "#c=" + ray.js(
            "return localStorage.getItem('chat.current').split(':')[1]")
        sue.driver.get("about:blank")
        sue.driver.get(link)
        sue.wait(lambda: sue.find("#subtitle").text.startswith("Book club"), "Sue is in")
        self.assertEqual(sue.js("return location.hash"), "")
        ray.sees("Sue joined", ".notice")
        sue.say("what do we read?")
        ray.sees("what do we read?")

    def test_who_comes_while_a_group_is_chosen_is_offered(self):
        ina, = self.people("Ina")
        ina.click("#new-open")
        ina.find("#group-name").send_keys("Late")
        self.assertNotIn("Jon", " ".join(ina.texts("#group-people label")))
        jon = self.phone("Jon")
        ina.click("#group-people label", "Jon")
        noa = self.phone("Noa")
        ina.wait(lambda: "Noa" in " ".join(ina.texts("#group-people label")), "Noa is offered, too")
        ina.click("#group-form button")
        ina.wait(lambda: ina.find("#title").text == "Late", "the group is open")
        ina.say("still ticked")
        jon.open_place("Late")
        jon.sees("still ticked")
        self.assertNotIn("Late", " ".join(noa.texts("#places")))

    def test_a_group_is_left_and_the_others_see_it(self):
        una, vic = self.people("Una", "Vic")
        una.click("#new-open")
        una.find("#group-name").send_keys("Trip")
        una.click("#group-people label", "Vic")
        una.click("#group-form button")
        una.wait(lambda: una.find("#title").text == "Trip", "the group is open")
        una.say("who drives?")
        vic.open_place("Trip")
        vic.sees("who drives?")
        vic.js("window.confirm = (question) => { window.question = question; return true; }")
        vic.click("#people-open")
        vic.click("#room-actions button", "Leave this group")
        vic.wait(lambda: "Trip" not in " ".join(vic.texts("#places")), "the group is gone from the list")
        self.assertIn("bring you back", vic.js("return window.question"))
        una.sees("Vic left", ".notice")
        una.say("anybody?")
        una.sent()
        vic.reload(None)
        self.assertNotIn("Trip", " ".join(vic.texts("#places")))


class TrustTest(ChatCase):
    """Messages are neither lost nor doubled, and nobody sees what is not for them."""

    def test_a_message_reaches_somebody_who_has_reloaded_left_and_come_back_and_no_third(self):
        ada, bob, eve = self.people("Ada", "Bob", "Eve")
        ada.talk_to("Bob")
        ada.say("one")
        bob.wait(lambda: bob.badges() == ["1"], "unread")
        bob.reload()
        ada.say("two")
        bob.wait(lambda: bob.badges() == ["2"], "unread after the reload")
        self.assertTrue(bob.driver.title.startswith("(2)"), bob.driver.title)
        bob.driver.get("about:blank")
        ada.say("three")
        ada.sent()
        ada.sees("sent", ".status")
        bob.driver.get(self.server.url)
        bob.inside()
        ada.sees("delivered", ".status")
        bob.open_place("Ada")
        bob.sees("three")
        self.assertEqual(bob.texts(".message .text"), ["one", "two", "three"])
        bob.wait(lambda: bob.badges() == [], "read")
        ada.sees("read", ".status")
        self.assertEqual(eve.texts("#places .avatar"), [])
        self.assertNotIn("three", eve.find("body").text)
        ada.shot("conversation")

    def test_messages_outlive_kill_9_and_those_written_meanwhile_are_sent_once(self):
        cy, dot = self.people("Cy", "Dot")
        cy.say("before")
        cy.sent()
        self.server.kill()
        cy.wait(lambda: cy.find("#state").get_attribute("data-state") != "online", "the loss is shown")
        cy.say("written offline")
        cy.sees("waiting", ".message.pending .status")
        cy.shot("offline")
        # The page is closed and opened again before the server is back.
        self.server.start()
        cy.wait(lambda: cy.find("#state").get_attribute("data-state") == "online", "back online", 30)
        cy.sent()
        dot.sees("written offline", seconds=30)
        for page in (cy, dot):
            texts = page.texts(".message .text")
            self.assertEqual(texts[-2:], ["before", "written offline"])
            self.assertEqual(texts.count("written offline"), 1)

    def test_a_frozen_server_means_waiting_not_failure(self):
        fay, gil = self.people("Fay", "Gil")
        fay.say("warm")
        gil.sees("warm")
        self.server.freeze()
        try:
            fay.say("patience")
            time.sleep(9)  # as long as it was frozen when messages were called lost
            self.assertEqual(len(fay.texts(".message.pending")), 1)
            self.assertEqual(fay.texts(".message.failed"), [])
        finally:
            self.server.thaw()
        fay.sent()
        gil.sees("patience")
        self.assertEqual(gil.texts(".message .text").count("patience"), 1)

    def test_reading_back_is_not_disturbed(self):
        hal, ivy = self.people("Hal", "Ivy")
        for start in range(0, 120, 20):
            hal.js("for (let i = 0; i < 20; i += 1) { const box = document.getElementById('message'); box.value = `line ${arguments[0] + i}`; document.getElementById('message-form').requestSubmit(); }", start)
        hal.sent(90)
        ivy.sees("line 119")
        ivy.reload()
        ivy.sees("line 119")
        ivy.js("document.getElementById('log').scrollTop = 0")
        ivy.sees("line 30")
        ivy.wait(lambda: ivy.js("return document.getElementById('log').scrollTop") > 300, "the place is kept")
        ivy.js("document.getElementById('log').scrollTop = 600")
        before = ivy.js("return document.getElementById('log').scrollTop")
        hal.say("something new")
        ivy.wait(lambda: "new" in ivy.find("#jump").text, "told of what is new")
        self.assertEqual(ivy.js("return document.getElementById('log').scrollTop"), before)
        ivy.shot("reading-back")
        ivy.click("#jump")
        ivy.wait(lambda: not ivy.find("#jump").is_displayed(), "at the end")


class PhoneTest(ChatCase):
    def test_phones_of_360_and_390_pixels(self):
        ada = self.people("Ada")[0]
        long = "Bartholomew Konstantinopolitan I"
        for width in (360, 390):
            phone = self.phone(long[:28] + str(width), width=width)
            phone.say("a" * 300)
            self.assertLessEqual(phone.overflow(), 0)
            box = phone.js("const r = document.getElementById('send').getBoundingClientRect(); return [r.left, r.right, r.bottom, innerHeight]")
            self.assertTrue(0 <= box[0] and box[1] <= width and box[2] <= box[3], box)
            phone.shot(f"phone-{width}")
            if width == 360:
                phone.click("#menu")
                phone.wait(lambda: phone.find("#places").is_displayed(), "the list")
                phone.shot("phone-menu")
                self.assertLessEqual(phone.overflow(), 0)
                phone.click("#side-close")
                self.assertEqual(phone.js("return document.activeElement.id"), "menu", "the focus is where it was")
                continue
            phone.click("#new-open") if phone.find("#new-open").is_displayed() else phone.click("#menu")
            phone.click("#new-open")
            phone.find("#join-name").send_keys("elsewhere")
            phone.click("#join-form button")
            phone.wait(lambda: phone.find("#title").text == "# elsewhere", "elsewhere")
            ada.say("hello phone")
            phone.wait(lambda: phone.find("#menu-badge").text == "1", "the menu tells of it")
            self.assertTrue(phone.driver.title.startswith("(1)"))
            phone.click("#people-open")
            phone.shot("phone-people")

    def test_korean_and_dark(self):
        phone = self.phone("민지", language="ko-KR", dark=True)
        self.assertEqual(phone.js("return document.documentElement.lang"), "ko")
        self.assertEqual(phone.find("#send").text, "보내기")
        phone.say("안녕하세요")
        phone.sent()
        phone.shot("phone-korean-dark")
        phone.click("#menu")
        phone.click("#settings-open")
        phone.shot("phone-settings")


class CompressionTest(ChatCase):
    environment = {"SOCKETIO_PER_MESSAGE_DEFLATE_ENABLED": "true", "SOCKETIO_PER_MESSAGE_DEFLATE_THRESHOLD": "0"}

    def test_messages_are_compressed(self):
        lea, max_ = self.people("Lea", "Max")
        extensions = lea.js("return window.socket.io.engine.transport.ws.extensions")
        self.assertTrue(extensions.startswith("permessage-deflate"), extensions)
        lea.say("again and again " * 20)
        max_.sees("again and again")
        max_.say("and back " * 20)
        lea.sees("and back and back")


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

    def token(self, seconds, subject="1"):
        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        claims = {"sub": subject, "name": "Ada of the token", "exp": int(time.time()) + seconds}
        signed = part(b'{"alg":"HS256"}') + "." + part(json.dumps(claims).encode())
        return signed + "." + part(hmac.new(self.SECRET.encode(), signed.encode(), hashlib.sha256).digest())

    def visit(self, token=None):
        self.page.driver.get(self.server.url + "icon.svg")
        self.page.js("localStorage.clear(); sessionStorage.clear()")
        self.page.driver.get("about:blank")
        self.page.driver.get(self.server.url + (f"#token={token}" if token else ""))

    def test_the_name_is_that_of_the_token_which_leaves_the_address(self):
        page = self.page
        self.visit(self.token(600))
        page.inside()
        self.assertEqual(page.find("#my-name").text, "Ada of the token")
        self.assertEqual(page.js("return location.hash"), "")
        page.say("hello")
        page.sees("hello", ".message.mine .text")
        page.reload()
        page.sees("hello", ".message.mine .text")

    def test_without_a_token_nobody_comes_in_and_no_name_is_asked(self):
        page = self.page
        self.visit()
        page.wait(lambda: page.find("#welcome").is_displayed(), "the form")
        self.assertFalse(page.find("#name").is_displayed())
        page.find("#enter").click()
        page.wait(lambda: "Authentication required" in page.find("body").text, "the refusal")
        self.assertFalse(page.find("#app").is_displayed())

    def test_the_end_of_the_token_is_told_and_nothing_is_thrown_away(self):
        page = self.page
        self.visit(self.token(12, "2"))
        page.inside()
        page.find("#message").send_keys("unfinished")
        page.wait(lambda: "login has ended" in page.find("#banner").text, "the end", 40)
        self.assertTrue(page.find("#app").is_displayed())
        self.assertEqual(page.find("#message").get_attribute("value"), "unfinished")
        page.shot("login-ended")


if __name__ == "__main__":
    unittest.main()
