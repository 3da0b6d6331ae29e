#!/usr/bin/python3
"""The status page in a headless Chromium, served by a real policyd.

    test_page.py [--build DIR] [--shots FOLDER] [TEST...]

Every view in both themes and at both widths, with hostile names, without data, while
policyd is away, and with a failing domain that appears while it is watched.  With --shots
the pictures stay there to be looked at.  Without Chromium it is skipped (exit 77).
"""

import base64
import json
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "integration"))

import answers
import browser
from mail_log import MailLog
from policyd_rig import Policyd, run, wait_until
from ports import free_port

TESTS = []
PASSWORD = "page"
WIDTHS = (360, 1920)
THEMES = ("light", "dark")
VIEWS = {"overview": "#/", "sessions": "#/sessions", "received": "#/received",
         "system": "#/system", "domain": "#/domain/broken.example"}
shots = None
known = {}

# The ratio of contrast (WCAG 2.1, 1.4.3) of each text, and what is too low.
CONTRAST = """
(() => {
    const light = c => {
        const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 :
            ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const parse = c => c.match(/[\\d.]+/g).map(Number);
    const back = e => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] > 0)
                return c.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const low = [];
    for (const e of document.querySelectorAll("body *:not(script):not(svg *):not(meter)")) {
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) ||
            e.closest(".unseen, .skip, noscript, thead, :disabled, .loading"))
            continue;
        const [a, b] = [light(parse(getComputedStyle(e).color).slice(0, 3)), light(back(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5)
            low.push(e.tagName + "." + e.className + " " + ratio.toFixed(2));
    }
    return low;
})()
"""

# What a screen reader would have no name for.
NAMELESS = """
[...document.querySelectorAll("a, button, input, img, svg.chart, meter")].filter(e =>
    !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length ||
    e.hasAttribute("alt"))).map(e => e.outerHTML)
"""


def test(function):
    TESTS.append(function)
    return function


def start(folder, **options):
    """A policyd whose page can be asked for; its address."""
    port, path = free_port(), os.path.join(folder, "password")
    with open(path, "w") as f:
        f.write(PASSWORD)
    options.setdefault("maillog", "none")
    policyd = Policyd(folder, status_listen=f"inet:127.0.0.1:{port}",
                      status_password_file=path, **options).start()
    return policyd, f"http://127.0.0.1:{port}/"


class Tab:
    """A page of a browser of its own, looked over when it is left."""

    def __init__(self, folder, url, may_fail=(), **options):
        word = base64.b64encode(f"x:{PASSWORD}".encode()).decode()
        if "browser" not in known:
            known["browser"] = browser.Browser(known["folder"])
        self._page = known["browser"].page(authorization="Basic " + word, **options)
        self._url, self._may_fail = url, may_fail

    def __enter__(self):
        return self._page

    def __exit__(self, kind, *_):
        page = self._page
        if kind is None:
            errors = [e for e in page.errors if not any(m in e for m in self._may_fail)]
            elsewhere = [u for u in page.asked if not u.startswith((self._url, "blob:"))]
            assert not errors, f"the console says {errors}"
            assert not elsewhere, f"asked elsewhere: {elsewhere}"
        page.close()


def look_over(page, name):
    """Nothing stands out, is too pale, or has no name."""
    if shots:
        page.shot(os.path.join(shots, name + ".png"))
    wide = page.value("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{name}: {wide} px too wide"
    assert page.value(CONTRAST) == [], f"{name}: {page.value(CONTRAST)}"
    assert page.value(NAMELESS) == [], f"{name}: {page.value(NAMELESS)}"
    headings = page.value("[...document.querySelectorAll('h1')].length")
    assert headings == 1, f"{name}: {headings} main headings"


def seen_as(name):
    """What cannot be seen is shown by its number."""
    return re.sub("[\u200e-\u202e]", lambda m: f"[U+{ord(m[0]):04X}]", name)


def settle(page):
    page.wait("document.querySelectorAll('.loading').length === 0 && "
              "!document.body.innerText.includes('\\u2026\\n')", "all that is loaded")


@test
def test_views(folder):
    """Every view, both themes, both widths."""
    _, url = start(folder)
    for width in WIDTHS:
        for theme in THEMES:
            with Tab(folder, url, width=width, theme=theme,
                     answers=answers.everything()) as page:
                page.open(url)
                for name, place in VIEWS.items():
                    page.value(f"location.hash = {json.dumps(place)}")
                    settle(page)
                    if name == "domain":
                        page.value("document.getElementById('check').click()")
                        page.wait_text("renew it")
                    look_over(page, f"{name}-{width}-{theme}")
                    assert ("All reports" in page.text()) == (name == "overview"), name
                assert "mx.broken.example" in page.text()


@test
def test_shapes(folder):
    """What the tests make up has the members that policyd sends."""
    log = MailLog(os.path.join(folder, "mail.log"))
    policyd, url = start(folder, maillog=log.path, aggregates_file="")
    log.write_whole(200)
    wait_until(lambda: policyd.command("report")["domains"], "sessions")
    real = {"report": policyd.command("report"), "status": policyd.command("status"),
            "explain": policyd.command("explain", "a.invalid")}
    for name, value in real.items():
        made = answers.everything()[f"/api/v1/{name}"]
        assert set(made) <= set(value), (name, set(made) - set(value))
        for part in ("domains", "parts"):
            if part in value:
                missing = set(made[part][0]) - set(value[part][0])
                assert not missing, (name, part, missing)


@test
def test_hostile(folder):
    """Names of strangers are text, in every view, in what is saved, and in the address."""
    _, url = start(folder)
    for width in WIDTHS:
        with Tab(folder, url, width=width, answers=answers.hostile()) as page:
            page.open(url)
            for name in ("overview", "sessions", "received", "system"):
                page.value(f"location.hash = {json.dumps(VIEWS[name])}")
                settle(page)
                look_over(page, f"hostile-{name}-{width}")
                assert page.value("document.querySelectorAll('main script, main img, "
                                  "main [onerror]').length") == 0
            page.value("location.hash = '#/sessions'")
            settle(page)
            for hostile in answers.HOSTILE:
                page.wait_text(seen_as(hostile))
            assert "a[U+202E]elpmaxe.moc" in page.text()
            links = page.value("[...document.querySelectorAll('main a')].map(a => a.href)")
            assert all(link.startswith(url) for link in links), links
            for hostile in answers.HOSTILE:
                page.answers["/api/v1/explain"] = answers.explain(hostile)
                page.value(f"location.hash = '#/domain/' + encodeURIComponent("
                           f"{json.dumps(hostile)})")
                page.wait(f"document.querySelector('h1').textContent === "
                          f"{json.dumps(seen_as(hostile))}", hostile)
            lines = page.value("csv([{a: '=1+1', b: 'x\"y', c: -5, d: null, "
                               "e: '<script>,\\n'}])")
            assert lines == "a,b,c,d,e\r\n'=1+1,\"x\"\"y\",-5,,\"<script>,\n\"\r\n", lines


@test
def test_nothing(folder):
    """Without a session it says so, and never that all is well."""
    _, url = start(folder)
    with Tab(folder, url, answers=answers.nothing()) as page:
        page.open(url)
        page.wait_text("Nothing was sent, or nothing was recorded")
        for name in ("overview", "sessions", "received", "system"):
            page.value(f"location.hash = {json.dumps(VIEWS[name])}")
            settle(page)
            look_over(page, f"nothing-{name}")
        assert "NaN" not in page.text() and "undefined" not in page.text()


@test
def test_away(folder):
    """While nobody answers the old is shown as old; an error stands where it belongs."""
    _, url = start(folder)
    with Tab(folder, url, may_fail=("Failed to load",),
             answers=answers.everything()) as page:
        page.answers["/api/v1/certificates"] = (503, {"error": "our certificates were not looked "
                                                        "at yet"})
        page.open(url)
        page.wait_text("were not looked at yet")
        page.wait_text("broken.example")
        page.answers.update({path: None for path in page.answers})
        page.value("refresh()")
        page.wait_text("Policyd does not answer")
        assert "broken.example" in page.text()
        look_over(page, "away")
        page.answers.update(answers.everything())
        page.value("refresh()")
        page.wait("!document.body.innerText.includes('Policyd does not answer')", "the end of it")
        page.wait_text("old.example.org")
    with Tab(folder, url, may_fail=("Failed to load",),
             answers={path: None for path in answers.everything()}) as page:
        page.open(url)
        page.wait_text("Policyd does not answer")
        look_over(page, "never")


@test
def test_watched(folder):
    """With a real mail log: a domain begins to fail, and appears by itself."""
    log = MailLog(os.path.join(folder, "mail.log"))
    policyd, url = start(folder, maillog=log.path, aggregates_file="")
    with Tab(folder, url, may_fail=("503", "400")) as page:
        page.open(url)
        page.wait_text("Nothing was sent")
        log.write_whole(800)
        def failing():
            rows = policyd.command("report")["domains"]
            return [row["domain"] for row in rows if row["failure"]]
        for domain in wait_until(failing, "failures"):
            page.wait_text(domain, 40)
        page.wait_text("over TLS")
        look_over(page, "watched")


@test
def test_keyboard(folder):
    """To each link and the search by Tab, to a domain by Enter; focus outlives a redraw."""
    _, url = start(folder)
    with Tab(folder, url, answers=answers.everything()) as page:
        page.open(url)
        page.wait_text("broken.example")
        seen = []
        for _ in range(40):
            page.key("Tab")
            seen.append(page.value("(document.activeElement.textContent || "
                                   "document.activeElement.id).trim()"))
            shown = page.value("getComputedStyle(document.activeElement).outlineStyle")
            is_link = page.value("document.activeElement !== document.body")
            assert shown != "none" or not is_link, f"no sign of focus on {seen[-1]!r}"
        for want in ("Skip to the content", "Overview", "Sessions", "System", "domain",
                     "Look up", "broken.example", "CSV"):
            assert want in seen, (want, seen)
        page.value("document.getElementById('domain').focus()")
        page.type("Broken.Example")
        page.key("Enter", "\r")
        page.wait("document.querySelector('h1').textContent === 'Broken.Example'", "the view")
        assert page.value("document.activeElement.id") == "main"
        page.value("location.hash = '#/sessions'")
        page.wait("!!document.getElementById('direction-in')", "the buttons")
        page.value("document.getElementById('direction-in').focus()")
        page.key("Enter", "\r")
        page.wait("document.getElementById('direction-in').getAttribute('aria-pressed') === "
                  "'true'", "the choice")
        assert page.value("document.activeElement.id") == "direction-in"


def main():
    global shots
    if browser.program() is None:
        print("Chromium is not installed")
        return 77
    if "--shots" in sys.argv:
        at = sys.argv.index("--shots")
        shots = sys.argv[at + 1]
        del sys.argv[at:at + 2]
        os.makedirs(shots, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hopseal-page-") as known["folder"]:
        try:
            return run(TESTS)
        finally:
            if "browser" in known:
                known["browser"].close()


if __name__ == "__main__":
    sys.exit(main())
