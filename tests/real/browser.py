"""A real browser without a window, driven by Chrome's protocol over a pipe."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.real import Missing
from tests.real.processes import dies_with_us, wait_until

ANSWER_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
_END = b"\0"
#: What would differ from machine to machine, or reach the network by itself.
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)


class Browser:
    """Chromium with one page; `problems` are errors and refusals that the page caused."""

    def __init__(self) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            raise Missing("chromium is not here; install it (chromium)")
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-browser-"))
        self._numbers = itertools.count(1)
        self._rest = b""
        self.problems: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        program = [self._program, *_OPTIONS, f"--user-data-dir={self._folder}", "about:blank"]
        pipes = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            [*dies_with_us(), "bash", "-c", pipes, "bash", *program],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        os.set_blocking(self._in, False)
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._out)
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)
        os.close(self._in)
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(
        self, url: str, *, width: int = 1200, height: int = 900, scheme: str = "light"
    ) -> None:
        """Load a page, in a window of that size, light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._call("Emulation.setEmulatedMedia", features=[feature])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Page.navigate", url=url)
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if error := found.get("exceptionDetails"):
            raise AssertionError(error.get("exception", {}).get("description", error["text"]))
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression in the page is true."""
        try:
            wait_until(lambda: self.run(f"Boolean({script})"), ANSWER_TIMEOUT_S, script)
        except TimeoutError as error:
            error.add_note(str(self.run("document.body.innerText")))
            raise

    def type(self, selector: str, text: str) -> None:
        """Focus an element and type into it."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self._call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click an element."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def text(self, selector: str) -> str:
        """The visible text of an element."""
        found = self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return str(found)

    def picture(self, path: Path) -> None:
        """Save what is seen, to the end of the page."""
        found = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + _END)
        deadline_s = time.monotonic() + ANSWER_TIMEOUT_S
        while time.monotonic() < deadline_s:
            found = self._next()
            if found is None:
                time.sleep(0.01)
            elif found.get("id") == number:
                if "error" in found:
                    raise AssertionError(f"{method}: {found['error']}")
                return dict(found["result"])
            else:
                self._note(found)
        raise TimeoutError(f"the browser does not answer {method}")

    def _next(self) -> dict[str, Any] | None:
        while _END not in self._rest:
            try:
                data = os.read(self._in, 1 << 20)
            except BlockingIOError:
                return None
            if not data:
                raise AssertionError("the browser has ended")
            self._rest += data
        message, _, self._rest = self._rest.partition(_END)
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        """Keep what an event says about faults of the page and about the network."""
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description", ""))
            case "Log.entryAdded" if parameters["entry"]["level"] in {"error", "warning"}:
                self.problems.append(parameters["entry"]["text"])
