"""Checks `workbench live` for minutes in a real Chromium: `python -m tools.live.check PROGRAM... --seconds 300`.

The microphone plays a rendered scale. The frames that the page received are compared with those of `workbench track` on
the take. Prints missed chunks, the delay from sound to screen and its parts, and the memory of all processes; writes
pictures of the page. Needs an idle machine. Exits with 1 if a frame differs by more than a cent, if a program
missed a chunk, or if the memory grew by more than 5 %.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from tools.live.chromium import LivePage, live_page
from workbench.live.programs import BASELINE
from workbench.units import cents_between, hz_to_semitones
from workbench.workflows.track import track

RATE_HZ = 48_000
SCALE = (45, 50, 57, 59, 61, 62, 64, 66, 68, 69, 74, 81)
KEYS = ("time_s", "pitch", "confidence")
MAX_CENTS, MAX_GROWTH = 1.0, 1.05
_EVERY_S = 5.0
_SETTLED_S = 20.0  # of a run whose memory is compared


def write_scale(path: Path) -> None:
    """Writes a rising scale of harmonic notes with short rests, 0.9 seconds each."""
    time_s = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    envelope = np.clip(np.minimum(time_s / 0.02, (time_s[-1] - time_s) / 0.05), 0, 1)
    notes = []
    for note in SCALE:
        phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time_s
        notes += [0.15 * envelope * sum(np.sin(n * phase) / n for n in range(1, 13)), np.zeros(RATE_HZ // 10)]
    soundfile.write(path, np.concatenate(notes), RATE_HZ, "PCM_16")


@contextmanager
def live_server(programs: list[str], folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Runs `workbench live`, and yields its process and its address. It has to end within two seconds."""
    command = [
        sys.executable,
        "-m",
        "workbench",
        "live",
        *programs,
        "--port",
        "0",
        "--no-browser",
        "--out",
        str(folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield psutil.Process(process.pid), process.stdout.readline().strip()
    finally:
        process.send_signal(2)
        began_s = time.monotonic()
        print(f"ctrl-c       exit code {process.wait(30)} after {time.monotonic() - began_s:.1f} s")


def memory_mb(process: psutil.Process) -> float:
    """Returns the memory of a process and its children."""
    return float(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1e6)


def compare(page: LivePage, names: list[str], files: list[Path], wav: Path) -> float:
    """Prints how the frames of each program differ from those of `track`. Returns the largest difference in cents."""
    largest = 0.0
    for session, (name, program) in enumerate(zip(names, files, strict=True), start=1):
        tracked = track(wav, program, 0)
        steps = page.frames[session]
        time_s, pitch, confidence = (
            np.concatenate([step[key] for step in steps]) for key in ("time_s", "pitch", "confidence")
        )
        inside = (time_s >= 0) & (time_s <= tracked.time_s[-1] - 0.5)
        index = np.round((time_s[inside] - tracked.time_s[0]) * 1000 / tracked.stream.hop_ms).astype(int)
        offset_ms = 1000 * np.abs(tracked.time_s[index] - time_s[inside]).max()
        voiced = confidence[inside].astype(float) >= 0.3
        cents = np.abs(cents_between(pitch[inside].astype(float), hz_to_semitones(tracked.frequency_hz)[index]))[voiced]
        largest = max(largest, float(cents.max()))
        gaps = int(np.sum(np.diff(index) != 1))
        counts = f"{inside.sum()} frames, {gaps} missing, {voiced.sum()} voiced"
        differences = f"at most {cents.max():.4f} cents from track, p99 {np.percentile(cents, 99):.4f}"
        print(f"{name:16} {counts}: {differences}; times differ by at most {offset_ms:.3f} ms")
    return largest


def watch(page: LivePage, process: psutil.Process, seconds: float) -> tuple[list[float], np.ndarray[Any, Any]]:
    """Returns the memory in MB and (samples, sessions) delays in milliseconds, every few seconds."""
    memory, delays, ends_s = [], [], time.monotonic() + seconds
    while time.monotonic() < ends_s:
        page.page.wait_for_timeout(1000 * min(_EVERY_S, seconds / 3))
        memory.append(memory_mb(process))
        delays.append(page.delays_ms())
    return memory, np.array(delays)


def take_pictures(page: LivePage, folder: Path) -> None:
    """Writes pictures of the page in both themes, on a desk's screen and on a phone's."""
    for scheme, width, name in (("light", 1280, "light"), ("dark", 1280, "dark"), ("dark", 390, "phone")):
        page.page.emulate_media(color_scheme=scheme)
        page.page.set_viewport_size({"width": width, "height": 860})
        page.page.wait_for_timeout(700)
        page.page.screenshot(path=folder / f"{name}.png", full_page=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", type=Path, help="program files, such as build/int8-mixed/program.pte")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--out", type=Path, default=Path("outputs/live-check"))
    arguments = parser.parse_args()
    files, folder = list(arguments.programs), arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    wav = (folder / "scale.wav").resolve()
    write_scale(wav)
    with live_server(list(map(str, files)), folder) as (process, address), live_page(address, wav) as page:
        page.start(record=True)
        memory, delays = watch(page, process, arguments.seconds)
        status, hello = page.status, page.hello
        page.page.click("#record")
        page.wait_for("takes")
        take_pictures(page, folder)
    names = [program["name"] for program in hello["programs"]]
    for name, program, counts, delay in zip(names, hello["programs"], status["programs"], delays.T, strict=True):
        parts = f"algorithm {program['algorithmic_ms']:.0f}, call {counts['p50_ms']:.2f} (p99 {counts['p99_ms']:.2f})"
        rest = np.nanmedian(delay) - program["algorithmic_ms"] - counts["p50_ms"]
        missed = f"{counts['missed']} chunks of {program['chunk_ms']:.0f} ms missed"
        print(
            f"{name:16} {missed}, delay {np.nanmedian(delay):.0f} ms: {parts}, resampling, transport, paint {rest:.0f}"
        )
    print(f"stream       {status['drop_outs']} drop-outs, {status['rate_changes']} rate changes, page: {page.problems}")
    settled = memory[min(len(memory) - 1, round(_SETTLED_S / _EVERY_S)) :]
    print(f"memory       {settled[0]:.0f} MB at first, {max(settled):.0f} at most, {settled[-1]:.0f} at the end")
    cents = compare(page, names[1:], files, Path(page.takes[0]["file"]))
    missed = sum(counts["missed"] for name, counts in zip(names, status["programs"], strict=True) if name != BASELINE)
    good = cents <= MAX_CENTS and missed == 0 and max(settled) <= MAX_GROWTH * settled[0] and not page.problems
    print("good" if good else "NOT good")
    sys.exit(not good)


if __name__ == "__main__":
    main()
