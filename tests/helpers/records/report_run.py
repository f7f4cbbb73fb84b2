"""A run as one would find it on disk, for the tests of the report: real records, made-up frames and clips."""

from pathlib import Path

import numpy as np

from tests.helpers.frames import frames_of as made_frames
from tests.helpers.records.results import stored
from workbench.audio.decode import Clip
from workbench.measure.paired_frames import PairedFrames
from workbench.records.frames.stored import ClipFrames, write_frames
from workbench.records.frames.worst_moments import save_clips_around, worst
from workbench.records.result import ClipUsed, Result, write_result

HOP_S, FRAMES, RATE_HZ = 0.02, 150, 16_000
NASTY = "<img src=x onerror=alert(1)> & 'quoted' \"twice\""
CLIPS = (f"sung/{NASTY}", "sung/plain")
OFF = {10: 50.0, 30: 40.0, 59: 45.0, 120: -30.0}  # frame -> cents; the others are equal


def frames_of(clip: str, off: dict[int, float]) -> ClipFrames:
    """A slow rise, voiced but for the first five frames; the variant is `off` by so many cents."""
    baseline = np.linspace(55, 60, FRAMES, dtype=np.float32)
    variant = baseline.copy()
    variant[list(off)] += np.array(list(off.values()), np.float32) / 100
    confidence = np.linspace(0.2, 0.9, FRAMES)
    sides = (made_frames(pitch, confidence) for pitch in (baseline, variant))
    return ClipFrames(clip, (np.arange(FRAMES) + 1) * HOP_S, np.arange(FRAMES) >= 5, *sides)


def clip_of(name: str) -> Clip:
    """Three seconds of a tone."""
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * RATE_HZ) / RATE_HZ)
    return Clip(name, Path("a.wav"), "0" * 64, RATE_HZ, tone.astype(np.float32), RATE_HZ, 1, None)


def make_run(run: Path) -> list[Result]:
    """Four variants in the order in which they are found: one with frames and sound whose names are markup, one that
    is only a record, one without a program, one whose comparison is unfair."""
    nasty = stored(
        "int8-mixed",
        renamed=f"a-{NASTY.replace('/', '')}",
        recipe__resolved__description=NASTY,
        audio=tuple(ClipUsed(name=name, role="score", sha256="0" * 64, seconds=3.0) for name in CLIPS),
        reasons=(NASTY,),
    )
    results = {"a": nasty, **{name: stored(name) for name in ("float-xnnpack", "int8-naive", "unfair")}}
    for name, result in results.items():
        write_result(result, run / name)
    both = [frames_of(CLIPS[0], OFF), frames_of(CLIPS[1], {7: 5.0})]
    for frames in both:
        sides = PairedFrames(frames.clip, frames.baseline, frames.variant, frames.voiced, "baseline confidence")
        write_frames(run / "a", sides, frames.time_s)
    save_clips_around(run / "a", worst(both), [clip_of(name) for name in CLIPS])
    return list(results.values())
