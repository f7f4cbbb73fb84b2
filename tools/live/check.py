"""Checks `workbench live` for minutes in a real Chromium: `python -m tools.live.check PROGRAM... --seconds 300`.

The microphone plays a rendered scale. Prints a line for each point, and writes them to DIR/check.json:

- frames: those that the page received are those of `workbench track` on the take, within a cent, and none is missing;
- chunks: no program missed one (upstream may);
- delay: from the sound to the screen, and its parts;
- stream: no drop-out, no change of the rate, no error in the page;
- memory: that of the command and its processes grew by at most 5 %, that of the browser by at most 15 %;
- end: Ctrl-C ended the command within two seconds.

Writes pictures of the page in both themes and at the width of a phone. Needs an idle machine. Exits with 1 if a point
does not hold.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from tools.live.chromium import LivePage, live_page
from tools.live.command import LiveCommand, live_command, memory_mb, write_scale
from workbench.live.programs import BASELINE
from workbench.live.pump import RESAMPLER_QUALITY
from workbench.units import cents_between, hz_to_semitones
from workbench.workflows.track import track

MAX_CENTS, MAX_GROWTH, MAX_BROWSER_GROWTH, MAX_END_S = 1.0, 1.05, 1.15, 2.0
_EVERY_S = 5.0
_SETTLED_S = 30.0  # of a run whose memory is compared


@dataclass(frozen=True)
class Point:
    """One point that was checked, with its figures in words and as numbers."""

    name: str
    holds: bool
    text: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """What was seen every few seconds: memory in MB, and the (samples, sessions) delays in milliseconds."""

    command_mb: list[float]
    browser_mb: list[float]
    delays_ms: np.ndarray[Any, Any]


def watch(page: LivePage, command: LiveCommand, seconds: float) -> Watched:
    """Looks at the page and at the processes every few seconds."""
    command_mb, browser_mb, delays_ms = [], [], []
    every_s = min(_EVERY_S, seconds / 5)
    for _ in range(round(seconds / every_s)):
        page.page.wait_for_timeout(1000 * every_s)
        command_mb.append(memory_mb(command.process))
        browser_mb.append(sum(map(memory_mb, page.browsers())))
        delays_ms.append(page.delays_ms())
    return Watched(command_mb, browser_mb, np.array(delays_ms))


def frames_point(page: LivePage, session: int, program: Path, wav: Path) -> Point:
    """Compares the frames that the page received with those of `track` on the take."""
    tracked = track(wav, program, 0)
    steps = page.frames[session]
    time_s, pitch, confidence = (
        np.concatenate([step[key] for step in steps]).astype(float) for key in ("time_s", "pitch", "confidence")
    )
    inside = (time_s >= 0) & (time_s <= tracked.time_s[-1] - 0.5)
    index = np.round((time_s[inside] - tracked.time_s[0]) * 1000 / tracked.stream.hop_ms).astype(int)
    missing = int(np.sum(np.diff(index) != 1))
    offset_ms = 1000 * float(np.abs(tracked.time_s[index] - time_s[inside]).max())
    voiced = confidence[inside] >= 0.3
    cents = np.abs(cents_between(pitch[inside], hz_to_semitones(tracked.frequency_hz)[index]))[voiced]
    figures = {
        "frames": int(inside.sum()), "missing": missing, "voiced": int(voiced.sum()), "max_cents": float(cents.max()),
        "p99_cents": float(np.percentile(cents, 99)), "max_time_difference_ms": offset_ms,
    }  # fmt: skip
    text = (
        f"{inside.sum()} frames, {missing} missing, {voiced.sum()} voiced: at most {cents.max():.4f} cents from track"
    )
    return Point("frames", missing == 0 and bool(cents.max() <= MAX_CENTS), text, figures)


def chunks_point(name: str, program: dict[str, Any], counts: dict[str, Any]) -> Point:
    """Whether the session returned the frames of each chunk in time."""
    missed, skipped_ms = counts["missed"], counts["skipped_ms"]
    holds = name == BASELINE or (missed == 0 and skipped_ms == 0 and not counts["failed"])
    times = f"p50 {counts['p50_ms']:.2f} ms, p99 {counts['p99_ms']:.2f} ms"
    text = f"{missed} of {program['chunk_ms']:.0f} ms missed, {skipped_ms / 1000:.1f} s skipped, {times}"
    return Point("chunks", holds, text, counts)


def delay_point(page: LivePage, program: dict[str, Any], counts: dict[str, Any], delays_ms: Any) -> Point:
    """The delay from sound to screen and its parts. The rest is transport, and waiting for blocks and for a thread."""
    delay_ms = float(np.nanmedian(delays_ms))
    parts = {
        "algorithm": program["algorithmic_ms"],
        "resampling": resampling_ms(page.rate_hz(), program["rate_hz"]),
        "call": counts["p50_ms"],
        "paint": page.paint_ms(),
    }
    parts["transport and waiting"] = delay_ms - sum(parts.values())
    words = ", ".join(f"{part} {value:.1f}" for part, value in parts.items())
    text = f"{delay_ms:.0f} ms with a chunk of {program['chunk_ms']:.0f} ms: {words}"
    return Point("delay", bool(np.isfinite(delay_ms)), text, {"delay_ms": delay_ms, **parts})


def resampling_ms(from_hz: int, to_hz: int) -> float:
    """Returns how much later than without resampling the samples of a stream come out at most, in milliseconds."""
    if from_hz == to_hz:
        return 0.0
    stream, received, late_s = soxr.ResampleStream(from_hz, to_hz, 1, "float32", RESAMPLER_QUALITY), 0, 0.0
    for number in range(1, 400):
        received += len(stream.resample_chunk(np.zeros(256, np.float32)))
        if number > 50:
            late_s = max(late_s, number * 256 / from_hz - received / to_hz)
    return 1000 * late_s


def memory_point(name: str, values_mb: list[float], limit: float) -> Point:
    """Whether memory stays the same after the first half minute: its greatest value against that of the beginning."""
    settled = values_mb[min(len(values_mb) - 2, round(_SETTLED_S / _EVERY_S)) :]
    growth = max(settled) / settled[0]
    text = f"{name} {settled[0]:.0f} MB at first, {max(settled):.0f} at most, {settled[-1]:.0f} at the end"
    return Point("memory", growth <= limit, text, {"of": name, "growth": growth, "mb": values_mb})


def take_pictures(page: LivePage, folder: Path) -> None:
    """Writes pictures of the page in both themes, on a desk's screen and on a phone's."""
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)):
        page.page.emulate_media(color_scheme=scheme)
        page.page.set_viewport_size({"width": width, "height": 860})
        page.page.wait_for_timeout(700)
        page.page.screenshot(path=folder / f"{scheme}-{width}.png", full_page=True)


def check(programs: list[Path], seconds: float, folder: Path) -> list[Point]:
    """Runs the command and the page, and returns what was found."""
    wav = (folder / "scale.wav").resolve()
    write_scale(wav)
    with live_command(programs, folder) as command, live_page(command.address, wav) as page:
        page.start(record=True)
        watched = watch(page, command, seconds)
        status, sessions = page.status, page.hello["programs"]
        page.page.click("#record")
        page.wait_for("takes")
        delays = [
            delay_point(page, program, counts, delays_ms)
            for program, counts, delays_ms in zip(sessions, status["programs"], watched.delays_ms.T, strict=True)
        ]
        take_pictures(page, folder)
    take = Path(page.takes[0]["file"])
    names = [program["name"] for program in sessions]
    points = []
    for index, (name, counts) in enumerate(zip(names, status["programs"], strict=True)):
        of_session = [chunks_point(name, sessions[index], counts), delays[index]]
        if index:
            of_session.append(frames_point(page, index, programs[index - 1], take))
        points += [Point(f"{point.name} {name}", point.holds, point.text, point.figures) for point in of_session]
    problems = [text for text in page.problems if "Failed to load" not in text]
    text = f"{status['drop_outs']} drop-outs, {status['rate_changes']} rate changes, errors of the page: {problems}"
    stream_holds = not (status["drop_outs"] or status["rate_changes"] or problems)
    counted = {key: status[key] for key in ("drop_outs", "dropped_ms", "rate_changes")}
    points.append(Point("stream", stream_holds, text, counted))
    points.append(memory_point("command", watched.command_mb, MAX_GROWTH))
    points.append(memory_point("browser", watched.browser_mb, MAX_BROWSER_GROWTH))
    text = f"exit code {command.exit_code} {command.end_s:.1f} s after Ctrl-C"
    end_holds = command.exit_code == 0 and command.end_s <= MAX_END_S
    points.append(Point("end", end_holds, text, {"seconds": command.end_s}))
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", type=Path, help="program files, such as build/int8-mixed/program.pte")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--out", type=Path, default=Path("outputs/live-check"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    points = check(arguments.programs, arguments.seconds, arguments.out)
    for point in points:
        print(f"{'ok    ' if point.holds else 'NOT ok'}  {point.name:20} {point.text}")
    good = all(point.holds for point in points)
    record = {"good": good, "seconds": arguments.seconds, "points": [asdict(point) for point in points]}
    (arguments.out / "check.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print("good" if good else "NOT good")
    sys.exit(not good)


if __name__ == "__main__":
    main()
