"""The page of `workbench live` in a headless Chromium whose microphone plays a file."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)


_TIME_PAINTS = """
  const arrived = [];
  const paints = (window.paints = []);
  const socket = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
  Object.defineProperty(WebSocket.prototype, "onmessage", {
    set(receive) {
      socket.set.call(this, (event) => { arrived.push(performance.now()); receive(event); });
    },
  });
  const request = window.requestAnimationFrame;
  window.requestAnimationFrame = (paint) => request((time) => {
    paint(time);
    const now = performance.now();
    paints.push(...arrived.splice(0).map((at) => now - at));
    paints.splice(0, paints.length - 2000);
  });
"""
"""Measures how long a message waits for its picture. `paints` has the times of the last 2000 messages."""


@dataclass
class LivePage:
    """An open page and what it received. `frames` has, by session, the steps; `problems` the errors of the page."""

    page: Any
    hello: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    frames: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    takes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def receive(self, text: str | bytes) -> None:
        """Keeps a message of the server."""
        message = json.loads(text)
        match message["kind"]:
            case "hello":
                self.hello = message
            case "status":
                self.status = message
            case "frames":
                self.frames.setdefault(message["program"], []).append(message)
            case "take":
                self.takes.append(message)
            case "failed":
                self.problems.append(message["reason"])

    def wait_for(self, what: str, limit_s: float = 60.0) -> None:
        """Waits until the page has received something: the name of an attribute."""
        for _ in range(round(limit_s / 0.1)):
            if getattr(self, what):
                return
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"the page received no {what}; it shows: {self.page.inner_text('#state')}")

    def start(self, record: bool) -> None:
        """Opens the microphone. A take that is recorded begins with its first block, so it has the page's times."""
        self.wait_for("hello")
        if record:
            path = f"clients/{self.hello['client']}/take"
            assert self.page.evaluate(f"fetch({path!r}, {{method: 'POST'}}).then(({{status}}) => status)") == 204
        self.page.click("#microphone")

    def rate_hz(self) -> int:
        """Returns the rate of the browser's audio, as the page shows it."""
        return int(self.page.inner_text("#stream").split(" Hz")[0].replace(",", ""))

    def paint_ms(self) -> float:
        """Returns the median time from a message with frames to the picture with them."""
        return float(self.page.evaluate("paints.sort((a, b) => a - b)[paints.length >> 1]"))

    def browsers(self) -> list[psutil.Process]:
        """Returns the browsers that this process has started."""
        children = psutil.Process().children(recursive=True)
        return [child for child in children if CHROMIUM is not None and "--remote-debugging-pipe" in child.cmdline()]

    def delays_ms(self) -> list[float]:
        """Returns the delay from sound to screen that the page shows for each session."""
        cells = self.page.locator("#programs tr td:nth-child(7)").all_inner_texts()
        return [float(text) if text not in ("", "–") else float("nan") for text in cells]


@contextmanager
def live_page(
    address: str, wav: Path, width: int = 1280, height: int = 900, scheme: Any = "light"
) -> Iterator[LivePage]:
    """Opens the page in a new browser whose microphone plays `wav` over and over."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        flags = [*_FLAGS, f"--use-file-for-fake-audio-capture={wav}"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        opened = LivePage(context.new_page())
        opened.page.on("console", lambda message: opened.problems.append(message.text))
        opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
        opened.page.on("websocket", lambda socket: socket.on("framereceived", opened.receive))
        opened.page.add_init_script(_TIME_PAINTS)
        opened.page.goto(address)
        try:
            yield opened
        finally:
            browser.close()
