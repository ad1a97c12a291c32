"""The page in Debian's Chromium: chats stream, stop and branch; papers are asked and looked over; both themes; a phone;
nothing on the console; what tests/server/accessibility.js and axe-core look for (the latter where ./test could install
it). Usage: page_test.py FREEHOLD PICTURES; screenshots go to the folder PICTURES.

The model is a scripted one that says its piece without end, so that there is time to press Stop.
"""
import os
import pathlib
import sys
import tempfile
import unittest
import urllib.parse

import scripted_model
from browser import Browser, missing
from serving import Serving

FREEHOLD, PICTURES = sys.argv[1:3]
del sys.argv[1:3]
HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
AXE = TREE / "build/clients/node_modules/axe-core/axe.min.js"
SKIP = 77

SAYS = ["# A list, ", "backwards\n\nHere is **how", "**:\n\n```python\ndef turn(items):\n", "    return items[::-1]\n```\n\n",
        "| made | of |\n|---|---|\n| one | two |\n\n", "See [the page](http://example.invalid/page) ",
        "and <b onclick=alert(1)>this</b> ", "![a cat](http://example.invalid/cat.png).\n\n", "And so on. "]

QUESTION = ("Based on all past logs, what's the most common point of failure for the Model X conveyor belt installed after "
            "2018?")
# Citations of its answer, and what stands there (samples/plant/papers).
PLACES = {"registers/assets_2023.xlsx, Assets!5": "belt conveyor", "notes/shift_2019.txt, L15": "- BC-01: belt joint opened, stopped 60 m"}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        model = os.path.join(cls.folder.name, "scripted.gguf")
        scripted_model.write(model, SAYS, {ord("\n"): 0}, again=len(SAYS) - 1, context=65536)
        cls.server = Serving(FREEHOLD, model, "--context", "65536")  # long enough to be stopped
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.end()
        status = cls.server.end()
        cls.folder.cleanup()
        assert status == 0, status

    def setUp(self):
        self.browser.size(1280, 860)
        self.browser.theme("light")
        self.browser.go("about:blank")
        self.browser.errors()
        self.open("#chat")

    def tearDown(self):
        self.assertEqual(self.browser.errors(), [])

    def open(self, room):
        self.browser.go(self.server.about["url"] + "/" + room)
        self.browser.wait_for("#box, #question")
        self.browser.wait("return document.querySelector('.state-button').dataset.state === 'good'")

    def look(self, name):
        """A picture, and what a person with other eyes or hands would stumble over."""
        self.browser.picture(pathlib.Path(PICTURES, name + ".png"))
        self.assertEqual(self.browser.run((HERE / "accessibility.js").read_text()), [], name)
        if AXE.exists():
            self.assertEqual(self.browser.violations(AXE), [], name)

    def look_in_all_ways(self, name):
        for theme in ("light", "dark"):
            self.browser.theme(theme)
            for width, height, phone in ((1280, 860, False), (390, 844, True)):
                self.browser.size(width, height, phone=phone)
                self.look(f"{name}{'_phone' if phone else ''}_{theme}")
        self.browser.size(1280, 860)
        self.browser.theme("light")

    def shut(self):
        self.browser.press("escape")
        self.browser.wait("return !document.querySelector('dialog')")

    def limit(self, tokens):
        self.browser.run("localStorage.setItem('settings', JSON.stringify({max_tokens: arguments[0]}))", str(tokens))
        self.browser.go("about:blank")
        self.open("#chat")

    def say(self, text, wait=True):
        self.browser.type("#box", text)
        self.browser.press("enter")
        if wait:
            self.browser.wait_for(".turn.assistant")
            self.browser.wait("return !document.querySelector('[aria-busy]')")

    def refused(self, path):
        """The console tells of an answer that was an error, and of nothing else."""
        (error,) = self.browser.errors()
        self.assertRegex(error, f"{path} - Failed to load resource: the server responded with a status of 400")


class Page(Case):
    def test_only_this_server_is_spoken_to_and_no_key_is_needed_for_the_files(self):
        for path in ("/", "/page.js", "/page.css", "/icon.svg"):
            status, headers, text = self.server.ask("GET", path)
            self.assertEqual(status, 200)
            policy = headers["Content-Security-Policy"]
            for rule in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"):
                self.assertIn(rule, policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            if path != "/page.js":  # in which addresses stand that are compared with, never fetched
                self.assertNotIn("://", text.replace("http://www.w3.org/2000/svg", ""))
        self.assertEqual(self.server.ask("POST", "/", {})[0], 405)
        self.assertEqual(self.server.ask("HEAD", "/")[2], "")
        self.say("Hello", wait=False)
        self.browser.wait_for(".turn.assistant")
        self.browser.press("escape")
        asked = self.browser.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).origin)")
        self.assertGreater(len(asked), 2)
        self.assertEqual(set(asked), {self.server.about["url"]})

    def test_an_answer_streams_in_and_is_drawn(self):
        self.look("welcome_light")
        self.limit(40)
        self.say("How do I turn a list?")
        answer = ".turn.assistant"
        self.assertIn("return items[::-1]", self.browser.text(answer + " pre code"))
        self.assertEqual(self.browser.text(answer + " figcaption span"), "python")
        self.assertEqual(self.browser.text(answer + " td"), "one")
        self.assertIn("<b onclick=alert(1)>this</b>", self.browser.text(answer + " .words"))
        self.assertIn("[image: a cat]", self.browser.text(answer))
        self.assertEqual(self.browser.run("return document.querySelectorAll('.turn img, .turn a, .turn b').length"), 0)
        self.assertIn("Cut off", self.browser.text(answer + " .notice"))
        self.assertRegex(self.browser.text(answer + " .facts-line"), r"^40 tokens · .*first after [\d.]+ s")
        self.assertNotIn("J", self.browser.text(answer + " .facts-line"))  # nobody measured
        self.look("chat_light")
        self.browser.theme("dark")
        self.look("chat_dark")
        self.browser.click(answer + " .outlink")
        self.assertIn("http://example.invalid/page", self.browser.text("dialog .address"))
        self.look("link_dark")
        self.browser.press("escape")
        self.browser.wait("return !document.querySelector('dialog')")
        self.browser.size(390, 844, phone=True)
        self.look("chat_phone_dark")
        self.browser.theme("light")
        self.look("chat_phone_light")
        self.browser.click("#settings")
        self.browser.wait_for("dialog.sheet")
        self.look("settings_phone")
        self.browser.press("escape")
        self.browser.wait("return !document.querySelector('dialog')")
        self.browser.click(".menu-button")
        self.look("side_phone")
        self.browser.theme("dark")
        self.look("side_phone_dark")
        self.browser.click(".state-button")
        self.look("state_phone_dark")

    def test_stop(self):
        self.say("Go on", wait=False)
        self.browser.wait("return (document.querySelector('.turn.assistant .words')?.textContent ?? '').length > 100")
        self.browser.wait("return /tokens\\/s/.test(document.getElementById('live').textContent)")
        self.browser.click("#send")
        self.browser.wait("return !document.querySelector('[aria-busy]')")
        self.assertEqual(self.browser.text(".turn.assistant .notice"), "Stopped.")
        self.browser.wait("return fetch('/freehold/state').then(r => r.json()).then(s => s.running === 0)")
        self.assertEqual(self.server.metric("vllm:num_requests_running"), 0)

    def test_branches_are_kept(self):
        self.limit(4)
        self.say("First words")
        self.browser.click(".turn.assistant [aria-label='Answer again']")
        self.browser.wait("return document.querySelector('.turn.assistant .branches span')?.textContent === '2 / 2'")
        self.browser.run("document.querySelector('.turn.user [aria-label^=Edit]').click()")
        self.browser.run("document.querySelector('.editing textarea').value = ''")
        self.browser.type(".editing textarea", "Other words")
        self.browser.press("enter")
        self.browser.wait("return document.querySelector('.turn.user .words')?.textContent === 'Other words'")
        self.browser.wait("return !document.querySelector('[aria-busy]')")
        self.browser.click(".turn.user [aria-label='Version before']")
        self.assertEqual(self.browser.text(".turn.user .words"), "First words")
        self.assertEqual(self.browser.text(".turn.assistant .branches span"), "2 / 2")
        self.browser.go("about:blank")  # after a reload they are all there
        self.open("#chat")
        self.browser.wait("return [...document.querySelectorAll('.side-item')].some(e => e.textContent === 'First words')")
        self.browser.run("[...document.querySelectorAll('.side-item')].find(e => e.textContent === 'First words').click()")
        self.assertEqual(self.browser.text(".turn.user .branches span"), "1 / 2")
        self.browser.click(".side-list .quiet-button")
        self.browser.click("dialog .danger")
        self.browser.wait("return ![...document.querySelectorAll('.side-item')].some(e => e.textContent === 'First words')")

    def test_settings_and_the_server(self):
        self.browser.click("#settings")
        self.browser.wait_for("dialog.sheet")
        self.look("settings_light")
        self.browser.run("document.getElementById('set-theme').value = 'dark';"
                         "document.getElementById('set-theme').dispatchEvent(new Event('change'))")
        self.look("settings_dark")
        self.browser.press("escape")
        self.browser.wait("return !document.querySelector('dialog')")
        self.browser.click(".state-button")
        facts = self.browser.text("dialog .facts")
        for words in ("this machine only", self.server.about["system_fingerprint"], "not measured here"):
            self.assertIn(words, facts)
        self.look("state_dark")
        self.browser.press("escape")
        self.browser.run("localStorage.clear()")

    def test_papers_are_dropped_asked_and_opened_at_their_place(self):
        self.open("#papers")
        self.browser.wait("return /Drop a folder/.test(document.getElementById('drop').textContent)")
        self.look("papers_empty_light")
        self.browser.drop("#drop", [TREE / "samples/plant/papers"])
        self.browser.wait_for("#library-name")
        self.assertEqual(self.browser.run("return document.getElementById('library-name').value"), "papers")
        self.browser.click("#make-library")
        self.browser.wait_for(".card.done", seconds=60)
        self.assertRegex(self.browser.text(".card.done"), r"^24 papers read; \d+ records told twice and counted once\.$")
        self.assertRegex(self.browser.text(".library-facts"), r"^24 papers, \d+ rows$")
        self.browser.type("#question", QUESTION)
        self.browser.press("enter")
        self.browser.wait_for(".card .said")
        self.assertIn("belt joint", self.browser.text(".card .said"))
        rows = self.browser.run("return [...document.querySelectorAll('.chart tbody tr')].map(r => [r.cells[0].textContent,"
                                "Number(r.cells[1].textContent), r.querySelector('.bar').getBoundingClientRect().width])")
        self.assertGreater(len(rows), 2)
        self.assertEqual(rows[0][0], "belt joint")
        self.assertEqual(rows, sorted(rows, key=lambda r: -r[1]))
        self.assertAlmostEqual(rows[1][2] / rows[0][2], rows[1][1] / rows[0][1], delta=0.02)
        places = self.browser.run("return [...document.querySelectorAll('.place')].map(p => p.getAttribute('aria-label'))")
        for one in PLACES:
            self.assertIn(one, places)
        self.look("papers_answer_light")
        self.browser.theme("dark")
        self.look("papers_answer_dark")
        for place, words in PLACES.items():
            self.browser.run("document.querySelector(`[aria-label='${arguments[0]}']`).click()", place)
            self.browser.wait_for("dialog .meant")
            self.assertEqual(self.browser.run("return document.querySelectorAll('dialog .meant').length"), 1)
            self.assertIn(words, self.browser.text("dialog .meant"))
            self.assertGreater(self.browser.run("return document.querySelectorAll('dialog tbody tr, dialog .line').length"), 1)
            self.look("papers_place_" + ("table" if "!" in place else "text"))
            self.browser.press("escape")
            self.browser.wait("return !document.querySelector('dialog')")
        self.browser.size(390, 844, phone=True)
        self.browser.theme("light")
        self.look("papers_phone")
        self.browser.theme("dark")
        self.look("papers_phone_dark")
        self.browser.run("document.querySelector('.sources').scrollIntoView()")
        self.look("papers_phone_sources")
        self.browser.run("document.querySelector(`[aria-label='${arguments[0]}']`).click()", next(iter(PLACES)))
        self.browser.wait_for("dialog .meant")
        self.look("papers_place_phone")
        self.browser.press("escape")
        self.browser.wait("return !document.querySelector('dialog')")
        self.browser.theme("light")
        self.browser.size(1280, 860)
        self.browser.type("#question", "How many unicorns did the plant buy in 2019?")
        self.browser.click("#ask")
        self.browser.wait_for(".not-known")
        self.browser.click("#show-papers")
        self.browser.wait("return document.querySelectorAll('.held li').length === 24")
        self.look("papers_held")
        self.browser.press("escape")

    def test_keyboard_alone(self):
        self.limit(3)
        self.assertEqual(self.browser.run("return document.activeElement.id"), "box")
        self.say("Hello")
        for _ in range(40):  # round to where it began, seeing the focus everywhere
            self.browser.press("tab")
            element, outline = self.browser.run("const e = document.activeElement, s = getComputedStyle(e);"
                                                "return [e.id || e.tagName, s.outlineStyle]")
            self.assertTrue(outline != "none" or element in ("box", "BODY"), element)
            if element == "box":
                break
        self.assertEqual(element, "box")


class Library(Case):
    """What the owner of a library looks at and changes."""
    def test_every_room_in_every_way(self):
        if not AXE.exists():
            self.skipTest("axe-core is not in build/clients; ./test installs it where npm and a registry are in reach")
        self.look_in_all_ways("room_chat")
        self.browser.click("#settings")
        self.browser.wait_for("dialog.sheet")
        self.look_in_all_ways("room_settings")
        self.shut()
        self.browser.click(".state-button")
        self.browser.wait_for("dialog .facts")
        self.look_in_all_ways("room_state")
        self.shut()
        self.fill_library("all ways")
        for view, there in {"ask": "#question", "review": ".review-item", "language": "#save-schema", "access": ".edited"}.items():
            self.browser.click(f"#view-{view}")
            self.browser.wait_for(there)
            self.look_in_all_ways("room_papers_" + view)

    def fill_library(self, name):
        for paper in (TREE / "samples/plant/papers").rglob("*.*"):
            path = urllib.parse.quote(str(paper.relative_to(TREE / "samples/plant/papers")))
            status, _, text = self.server.ask("PUT", f"/freehold/libraries/{urllib.parse.quote(name)}/papers/{path}", paper.read_bytes())
            self.assertEqual(status, 200, text)
        self.assertEqual(self.server.ask("POST", "/freehold/ingest", {"library": name})[0], 200)
        self.open("#papers")
        self.browser.wait("return [...document.querySelectorAll('.side-item')].some(e => e.textContent === arguments[0])", name)
        self.browser.run("[...document.querySelectorAll('.side-item')].find(e => e.textContent === arguments[0]).click()", name)

    def answer(self, library, question):
        return self.server.post("/freehold/ask", {"library": library, "question": question})[1]["value"]

    def test_what_papers_say_differently_is_looked_over(self):
        self.fill_library("review")
        self.browser.click("#view-review")
        self.browser.wait_for(".review-item")
        self.assertEqual(self.browser.text(".owner h2"), "5 things to look at")
        first = self.browser.text(".review-item .of-what")
        said = self.browser.text(".review-item .facts")
        for words in ("110", "a correction notice counts first", "75"):
            self.assertIn(words, said)
        # Its sources open the paper at the place.
        self.browser.click(".review-item .place")
        self.browser.wait_for("dialog .meant")
        self.assertIn(first, self.browser.text("dialog .meant").replace("-", ""))
        self.look("review_place")
        self.shut()
        question = f"What was the downtime of {first[:2]}-{first[2:]}?"
        self.assertEqual(self.answer("review", question), 110)
        # By keyboard: another value, typed, wrong at first.
        self.browser.run("[...document.querySelectorAll('.review-item button')].find(b => b.textContent === 'Another value').focus()")
        self.browser.press("enter")
        self.browser.wait("return document.activeElement.matches('.correct input')")
        self.look_in_all_ways("review_correct")
        self.browser.type_over("a while")
        self.browser.press("enter")
        self.browser.wait_for(".review-item .fault")
        self.assertIn("expected a", self.browser.text(".review-item .fault"))
        self.refused("/freehold/decide")
        self.look("review_refused")
        self.browser.run("document.querySelector('.correct input').focus()")
        self.browser.type_over("85")
        self.browser.press("enter")
        self.browser.wait("return document.querySelector('.owner h2')?.textContent === '4 things to look at'")
        self.assertEqual(self.answer("review", question), 85)
        self.browser.wait("return document.activeElement.matches('.review-item')")  # the next one
        # The other value, and the one that is used.
        second = self.browser.text(".review-item .of-what")
        other = self.browser.text(".review-item dd:nth-of-type(2) strong")
        self.browser.run("document.querySelectorAll('.review-item .buttons button')[1].click()")
        self.browser.wait("return document.querySelector('.owner h2')?.textContent === '3 things to look at'")
        self.assertEqual(self.answer("review", f"What was the downtime of {second[:2]}-{second[2:]}?"), float(other))
        self.browser.run("document.querySelector('.review-item .buttons button').click()")
        self.browser.wait("return document.querySelector('.owner h2')?.textContent === '2 things to look at'")
        self.browser.click(".decided summary")
        decided = self.browser.text(".decided")
        for words in ("3 decided", f"{first} downtime: 110 corrected to 85", "owner", "accepted"):
            self.assertIn(words, decided)
        self.browser.run("document.querySelector('.decided').scrollIntoView()")
        self.look_in_all_ways("review_decided")

    def test_words_are_added_and_left_out(self):
        self.fill_library("words")
        fringe, wobbly = "How many fringe failures were there?", "How many wobbly failures were there?"
        counted = self.answer("words", fringe)
        self.assertGreater(counted, 0)
        self.browser.click("#view-language")
        self.browser.wait_for(".lexicon")
        self.look("words_top")
        self.browser.type("#term-text", "wobbly")
        self.browser.type("#term-value", "belt edge")
        self.browser.run("const s = document.getElementById('term-home'); s.value = [...s.options].find(o => o.textContent === 'point of event').value")
        self.browser.press("enter")
        self.browser.wait("return document.querySelector('.saved')?.textContent === 'wobbly stands for belt edge.'")
        self.assertEqual(self.answer("words", wobbly), counted)
        self.browser.click("[aria-label='fringe: leave it out']")
        self.browser.wait("return document.querySelector('.saved')?.textContent === 'fringe no longer stands for belt edge.'")
        self.assertNotEqual(self.answer("words", fringe), counted)
        self.browser.click("[aria-label='fringe: count it again']")
        self.browser.wait("return document.querySelector('.saved')?.textContent === 'fringe counts again.'")
        self.assertEqual(self.answer("words", fringe), counted)
        # Types and fields.
        self.browser.run("document.querySelector('[aria-labelledby=schema-title] .rule').open = true")
        self.browser.run("const t = document.getElementById('type-0'); t.value += ', hiccups'; t.dispatchEvent(new Event('input'))")
        self.look_in_all_ways("words_types")
        self.browser.run("document.getElementById('save-schema').click()")
        self.browser.wait("return /records were made anew/.test(document.querySelector('.saved')?.textContent)")
        self.assertEqual(self.answer("words", "How many hiccups were there in 2019?"), self.answer("words", "How many failures were there in 2019?"))
        self.browser.run("document.querySelector('[aria-labelledby=schema-title] .danger').click()")
        self.browser.wait_for("dialog .danger")
        self.browser.click("dialog .danger")
        self.browser.wait("return document.querySelector('.saved')?.textContent === 'As found in the papers.'")
        self.assertNotEqual(self.answer("words", wobbly), counted)

    def test_labels_are_given(self):
        self.fill_library("access")
        self.browser.click("#view-access")
        self.browser.wait_for(".edited .path")
        self.browser.type(".edited .path", "mails/")
        self.browser.type(".edited .labels", "staff, board")
        self.browser.press("enter")
        self.browser.wait("return /^Saved/.test(document.querySelector('.owner [role=status]')?.textContent)")
        said = self.server.post("/freehold/labels", {"library": "access"})[1]["labels"]
        self.assertEqual(said, {"mails/": ["board", "staff"]})
        self.look_in_all_ways("access")
        self.browser.run("document.querySelector('.edited .path').value = '../x'")
        self.browser.run("document.querySelector('.owner form').requestSubmit()")
        self.browser.wait("return /expected a paper/.test(document.querySelector('.owner .fault')?.textContent)")
        self.refused("/freehold/label")
        self.browser.click("[aria-label='Remove line 1']")
        self.browser.run("document.querySelector('.owner form').requestSubmit()")
        self.browser.wait("return /^Saved/.test(document.querySelector('.owner [role=status]')?.textContent)")
        self.assertEqual(self.server.post("/freehold/labels", {"library": "access"})[1]["labels"], {})


if __name__ == "__main__":
    if missing():
        print(f"SKIPPED: {', '.join(missing())} not installed: the page was not looked at")
        sys.exit(SKIP)
    unittest.main()
