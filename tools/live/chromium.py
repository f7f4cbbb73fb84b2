"""The page of `workbench live` in a headless Chromium whose microphone plays a file."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)


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

    def delays_ms(self) -> list[float]:
        """Returns the delay from sound to screen that the page shows for each session."""
        cells = self.page.locator("#programs tr td:last-child").all_inner_texts()
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
        opened.page.goto(address)
        try:
            yield opened
        finally:
            browser.close()
