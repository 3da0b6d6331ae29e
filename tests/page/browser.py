"""A headless Chromium, driven over a pipe by the DevTools protocol with nothing but the
standard library.  Browser().page() is a tab; what it logged and asked for is kept."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WAIT_S = 20


def program():
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    def __init__(self, folder):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        def become():
            # The protocol wants 3 and 4; neither may be the other's source.
            high = [os.dup(to_browser), os.dup(from_browser)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        self._log_path = os.path.join(folder, "browser.log")
        log = open(self._log_path, "wb")
        fcntl.flock(log, fcntl.LOCK_EX)     # for as long as one of its processes is there
        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", f"--user-data-dir={folder}/browser",
             "--no-first-run", "--disable-background-networking", "--disable-sync",
             "--disable-component-update", "--disable-default-apps", "--disable-extensions",
             "--hide-scrollbars", "--force-device-scale-factor=1", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(os.environ, HOME=folder, TMPDIR=folder), preexec_fn=become,
            close_fds=False)
        log.close()
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._last, self._results, self._pages = b"", 0, {}, {}

    def close(self):
        """All of its processes have ended then, and write no more."""
        self.process.kill()
        self.process.wait()
        os.close(self._in)
        os.close(self._out)
        with open(self._log_path) as log:
            fcntl.flock(log, fcntl.LOCK_EX)

    def post(self, method, session=None, **params):
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        return self._last

    def call(self, method, session=None, **params):
        number = self.post(method, session, **params)
        end = time.monotonic() + WAIT_S
        while number not in self._results:
            assert time.monotonic() < end, f"the browser did not answer {method}"
            self.pump(0.2)
        answer = self._results.pop(number)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def pump(self, seconds=0.0):
        """Takes what the browser says, for so long at most."""
        if not select.select([self._in], [], [], seconds)[0]:
            return
        more = os.read(self._in, 1 << 20)
        assert more, "the browser has ended"
        self._buffer += more
        *messages, self._buffer = self._buffer.split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._results[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].on_event(message)

    def page(self, **options):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target,
                            flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target, **options)
        page.begin()
        return page


class Page:
    """answers: {path: JSON value, or (status, JSON value), or None for no answer}, instead
    of the server's; changed at any time."""

    def __init__(self, browser, session, target, width=1280, height=900, theme="light",
                 authorization=None, answers=None):
        self._browser, self._session, self._target = browser, session, target
        self._width, self._height, self._theme = width, height, theme
        self._authorization, self.answers = authorization, answers or {}
        self.errors, self.asked = [], []

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def begin(self):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Fetch.enable", patterns=[{"urlPattern": "*/api/*"}])
        self.call("Emulation.setDeviceMetricsOverride", width=self._width,
                  height=self._height, deviceScaleFactor=1, mobile=self._width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": self._theme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        if self._authorization:
            self.call("Network.setExtraHTTPHeaders",
                      headers={"Authorization": self._authorization})

    def on_event(self, message):
        method, params = message["method"], message["params"]
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or
                               details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(str([a.get("value") for a in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"] + " " +
                               params["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Fetch.requestPaused":
            self._fetch(params)

    def _fetch(self, params):
        url, number = params["request"]["url"], params["requestId"]
        path = "/" + url.split("/", 3)[3]
        for known in (path, path.split("?")[0]):
            if known in self.answers:
                break
        else:
            self._browser.post("Fetch.continueRequest", self._session, requestId=number)
            return
        answer = self.answers[known]
        if answer is None:
            self._browser.post("Fetch.failRequest", self._session, requestId=number,
                               errorReason="ConnectionRefused")
            return
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        self._browser.post(
            "Fetch.fulfillRequest", self._session, requestId=number, responseCode=status,
            responseHeaders=[{"name": "Content-Type", "value": "application/json"}],
            body=base64.b64encode(json.dumps(value).encode()).decode())

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'", "the page")

    def value(self, expression):
        """What JavaScript makes of it."""
        got = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                        awaitPromise=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def wait(self, expression, what, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            assert time.monotonic() < end, f"waited for {what}: {self.text()[:1500]}"
            self._browser.pump(0.05)
        return value

    def text(self):
        return self.value("document.body.innerText")

    def wait_text(self, text, seconds=WAIT_S):
        self.wait(f"document.body.innerText.includes({json.dumps(text)})", repr(text), seconds)

    def key(self, key, text=None):
        code = {"Tab": 9, "Enter": 13}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code,
                      **({"text": text} if text and kind == "keyDown" else {}))

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": self._width, "height": min(size["height"], 4000),
            "scale": 1})["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)
