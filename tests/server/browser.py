"""A browser for tests: Debian's chromium, driven by chromedriver over the WebDriver protocol in plain HTTP."""
import base64
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"enter": "\ue007", "escape": "\ue00c", "tab": "\ue004"}


def missing():
    """What is not installed, or nothing."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    def __init__(self, width=1280, height=860):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log = open(pathlib.Path(self.folder.name, "driver.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=self.log, stderr=self.log)
        self.session = ""
        for _ in range(100):
            try:
                if self.send("GET", "/status")["ready"]:
                    break
            except OSError:
                time.sleep(0.1)
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                            "--disable-background-networking", "--force-prefers-reduced-motion",
                            f"--window-size={width},{height}", f"--user-data-dir={self.folder.name}/profile"]}
        made = self.send("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = "/session/" + made["sessionId"]

    def end(self):
        try:
            if self.session:
                self.send("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.log.close()
            shutil.rmtree(self.folder.name, ignore_errors=True)
            self.folder.cleanup()

    def send(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.session}{path}", data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def go(self, url):
        self.send("POST", "/url", {"url": url})

    def run(self, script, *words):
        """What the script returns; `words` are its arguments."""
        return self.send("POST", "/execute/sync", {"script": script, "args": list(words)})

    def devtools(self, command, **words):
        return self.send("POST", "/goog/cdp/execute", {"cmd": command, "params": words})

    def find(self, css):
        return self.send("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.send("POST", f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.send("POST", f"/element/{self.find(css)}/value", {"text": text})

    def press(self, key):
        """To whatever has the focus."""
        self.send("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": KEYS[key]}, {"type": "keyUp", "value": KEYS[key]}]}]})

    def type_over(self, text):
        """Into whatever has the focus, instead of what stands there."""
        self.run("document.activeElement.select()")
        element = self.send("GET", "/element/active")[ELEMENT]
        self.send("POST", f"/element/{element}/value", {"text": text})

    def violations(self, axe):
        """What axe-core (its script) finds wrong, a line for each kind and place."""
        if not self.run("return typeof axe === 'object'"):
            self.run(pathlib.Path(axe).read_text(encoding="utf-8") + "\nwindow.axe = axe;")
        return self.run("return axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.flatMap(v => "
                        "v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.replace(/\\s+/g, ' ')}`)))")

    def text(self, css):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null", css)

    def wait(self, script, *words, seconds=20):
        """Until the script returns something that is true."""
        until = time.monotonic() + seconds
        while not (value := self.run(script, *words)):
            if time.monotonic() > until:
                page = self.run("return document.body.innerText.slice(0, 1000)")
                raise AssertionError(f"waited {seconds} s in vain for: {script} {words}\n{page}")
            time.sleep(0.05)
        return value

    def wait_for(self, css, seconds=20):
        self.wait("return document.querySelector(arguments[0]) !== null", css, seconds=seconds)

    def size(self, width, height, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                      mobile=phone)
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=phone)

    def theme(self, name):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                              {"name": "prefers-reduced-motion", "value": "reduce"}])

    def drop(self, css, paths):
        """Files or folders, as a file manager would drop them."""
        x, y = self.run("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                        "return [r.x + r.width / 2, r.y + r.height / 2]", css)
        data = {"items": [], "files": [str(p) for p in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.devtools("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def errors(self):
        """What went to the console since the last call."""
        return [e["message"] for e in self.send("POST", "/se/log", {"type": "browser"}) if e["level"] in ("SEVERE", "WARNING")]

    def picture(self, path):
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_bytes(base64.b64decode(self.send("GET", "/screenshot")))
