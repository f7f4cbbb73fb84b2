"""The page in a real browser. Skipped where no Chromium is installed."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.live import serving
from tools.live.chromium import CHROMIUM, live_page
from tools.live.command import write_scale
from workbench.live.programs import LiveProgram
from workbench.live.server.pool import SessionPool
from workbench.units import cents_between, hz_to_semitones
from workbench.workflows.track import track

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]


def test_page_shows_the_frames_of_track(program: Path, tmp_path: Path) -> None:
    """Whatever the browser records at its own rate: the frames on the page, those of the take, and those of `track`."""
    write_scale(tmp_path / "scale.wav")
    pool = SessionPool([LiveProgram("least", program)], None)
    with (
        serving(pool, ("upstream", "least"), tmp_path) as running,
        live_page(running.address(), tmp_path / "scale.wav", width=390, scheme="dark") as page,
    ):
        page.start(record=True)
        for _ in range(240):
            page.page.wait_for_timeout(250)
            if sum(len(step["time_s"]) for step in page.frames.get(1, [])) > 200:
                break
        assert page.page.inner_text("#state") == "Listening."
        assert page.page.evaluate("document.documentElement.scrollWidth") == 390
        page.page.keyboard.press("r")
        page.wait_for("takes")
        page.page.keyboard.press("s")
        page.page.locator("#state", has_text="Playing the song.").wait_for()
        page.page.keyboard.press("c")
        times_ms = [1000, 1000, 1020, 1260, 2260, *[2261] * 12, 2330, 5000]  # of blocks of 5 ms
        found = page.page.evaluate(
            """times_ms => import("./page/sound/source.js").then(({ Gaps }) => {
                 const gaps = new Gaps();
                 return times_ms.map((at_ms) => gaps.before(at_ms, 5));
               })""",
            times_ms,
        )
        assert found == [0, 0, 0, 0, 200, *[0] * 10, None, None, 0, 534]  # a burst after a gap is what was lost
        assert page.problems == []
    take = Path(page.takes[0]["file"])
    with take.with_name(f"{take.stem}-frames.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["program"] == "least"]
    tracked = track(take, program, 0)
    count = min(len(rows), len(tracked.time_s)) - 10  # the silence after the file
    assert count > 150
    hop_s = tracked.stream.hop_ms / 1000
    steps = [
        (time, pitch) for step in page.frames[1] for time, pitch in zip(step["time_s"], step["pitch"], strict=True)
    ]
    shown = {round((time - tracked.time_s[0]) / hop_s): pitch for time, pitch in steps}
    voiced = tracked.confidence[:count] >= 0.3
    expected = hz_to_semitones(tracked.frequency_hz[:count])
    in_take = np.array([float(row["frequency_hz"]) for row in rows[:count]])
    on_page = np.array([shown[index] for index in range(count)])
    assert voiced.sum() > 30
    for found in (hz_to_semitones(in_take), on_page):
        assert np.abs(cents_between(found, expected))[voiced].max() < 1
