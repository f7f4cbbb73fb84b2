"""Both sides through the same chunks: what deviation, floor and accuracy are taken from, and the pictures."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.audio.decode import Clip
from workbench.errors import ProgramError
from workbench.measure.call_sizes import SizeFigures, over_sizes, size_figures
from workbench.measure.contour import contour
from workbench.measure.deviation import PairedFrames, deviation
from workbench.measure.floor import add_dither, floor
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import time_pair_in_process
from workbench.measure.truth import Alignment, fit_alignment, reference_hz, truth
from workbench.progress import Progress
from workbench.recipe.stream_config import StreamConfig
from workbench.records.external_frames import ExternalFrames
from workbench.records.frames import ClipFrames, write_frames
from workbench.records.resume import picture_path
from workbench.records.worst_moments import save_clips_around, worst
from workbench.report.plots.contours import contour_png
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Floats, Frames, frame_end_s, random_sizes, run_chunks
from workbench.runtime.state_protocol import StateHandling, protocol_of, with_state_handling
from workbench.storage.atomic import write_atomic
from workbench.units import hz_to_semitones
from workbench.workflows.variant.fingerprint import canonical_sha256
from workbench.workflows.variant.prepare import PreparedVariant

_SIZES_SEED = 32  # of the order in which a program is given its sizes
_TURN = 17  # how much later in that order each further clip begins


def score(
    job: PreparedVariant,
    variant: Path | Mapping[str, ExternalFrames],
    folder: Path,
    progress: Progress,
    rolled: dict[str, Frames],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Roll both sides through all clips and compare; leaves `frames/` and `pictures/` in `folder`.

    `variant` is the program, or its frames of each scored clip where it ran elsewhere.
    Both get the same chunks: of sizes in random order, where the program takes several, and then of every size alone.
    The baseline hears each clip by itself; a program of several streams hears as many at once. `rolled` keeps the
    baseline's frames. Returns sections of the record by name; `seconds` hears how long each stage took.
    """
    began = time.perf_counter()
    torch.set_num_threads(job.recipe.speed.threads)  # as when timed
    upstream = job.baseline.session()
    protocol = protocol_of(job.recipe.protocol)
    sizes = random_sizes(job.stream, _SIZES_SEED)
    elsewhere = variant if isinstance(variant, Mapping) else {}
    done, total = 0, len(job.calibrate) + (2 if elsewhere else 3) * len(job.score)

    def heard(clips: int) -> None:
        nonlocal done
        done += clips
        progress.report("score", done, total)

    def baseline_of(clip: Clip, memory: StateHandling, turn: int = 0, dither: bool = False) -> Frames:
        calls = elsewhere[clip.name].calls if clip.name in elsewhere else _turned(sizes, turn)
        key = canonical_sha256(
            repr(job.baseline), job.recipe.speed.threads, clip.sha256, clip.name, memory, calls, dither
        )
        if key not in rolled:
            rolled[key] = run_chunks(
                with_state_handling(memory, upstream), add_dither(clip.samples) if dither else clip.samples, calls
            )
        heard(1)
        return rolled[key]

    # delay and threshold are the stream's own, whatever the protocol: only so are the same frames compared
    alignment = fit_alignment([(clip, baseline_of(clip, "continuous")) for clip in job.calibrate], job.stream)
    turns = [(clip, turn) for turn, lanes in enumerate(_lanes(job)) for clip in lanes]
    baseline = [baseline_of(clip, protocol.baseline, turn) for clip, turn in turns]
    moved = [baseline_of(clip, protocol.baseline, turn, dither=True) for clip, turn in turns]
    if isinstance(variant, Path):
        answers = _roll_here(job, variant, sizes, protocol.variant, heard)
    else:
        answers = [variant[clip.name].frames for clip in job.score]
    rolls = _rolls(job, baseline, answers, alignment)
    figures: dict[str, Any] = {
        "deviation": deviation(rolls, job.recipe.scoring.voiced_confidence),
        "floor": floor(
            [PairedFrames(r.name, r.baseline, m, r.voiced, r.voiced_by) for r, m in zip(rolls, moved, strict=True)]
        ),
        "truth": truth(job.score, baseline, answers, job.stream, job.recipe.scoring.voiced_confidence, alignment),
        "contour": contour(rolls),
    }
    seconds["score"] = time.perf_counter() - began
    if job.stream.dynamic and isinstance(variant, Path):
        began = time.perf_counter()
        by_size = _score_sizes(job, variant, alignment, progress)
        figures |= {"sizes": by_size, "deviation_over_sizes": over_sizes(by_size)}
        seconds["sizes"] = time.perf_counter() - began
    began = time.perf_counter()
    for at, (clip, sides) in enumerate(zip(job.score, rolls, strict=True)):
        progress.report("pictures", at, len(rolls))
        _leave(clip, sides, job, folder, alignment)
    _leave_worst(job, rolls, folder)
    progress.report("pictures", len(rolls), len(rolls))
    seconds["pictures"] = time.perf_counter() - began
    return figures


def _roll_here(
    job: PreparedVariant, program: Path, sizes: tuple[int, ...], memory: StateHandling, heard: Callable[[int], None]
) -> list[Frames]:
    """The program's frames of each scored clip. Raises ProgramError where it gives others when it is asked again."""
    frames: list[Frames] = []
    with IsolatedProcess() as child:
        for turn, lanes in enumerate(_lanes(job)):
            asked = _samples(lanes), _turned(sizes, turn), memory
            frames += child.call(run_program, program, *asked, threads=job.recipe.speed.threads)
            heard(len(lanes))
    _check_repeats(job, frames, program, sizes, memory)
    return frames


def _lanes(job: PreparedVariant) -> list[list[Clip]]:
    """The scored clips, as many together as the program has streams."""
    clips, streams = job.score, job.stream.streams
    return [clips[first : first + streams] for first in range(0, len(clips), streams)]


def _turned(sizes: tuple[int, ...], turn: int) -> tuple[int, ...]:
    """The schedule from another place on, for other clips: or all would begin with the same few sizes."""
    start = turn * _TURN % len(sizes)
    return sizes[start:] + sizes[:start]


def _whole(samples: Floats, call_samples: int) -> Floats:
    """The clip with silence up to whole calls of that size, so that every call has it."""
    return np.pad(samples, (0, -len(samples) % call_samples))


def _samples(clips: Sequence[Clip]) -> list[Floats]:
    return [clip.samples for clip in clips]


def _check_repeats(
    job: PreparedVariant, scored: Sequence[Frames], program: Path, sizes: tuple[int, ...], memory: StateHandling
) -> None:
    """Raise ProgramError where the program, in another process and reset after a first roll, gives other frames than
    those that were scored."""
    lanes = _lanes(job)[0]
    with IsolatedProcess() as another:
        asked = _samples(lanes), _turned(sizes, 0), memory
        again = another.call(run_program, program, *asked, times=2, threads=job.recipe.speed.threads)
    for clip, frames, earlier in zip(lanes, again, scored, strict=False):
        if not all(
            np.array_equal(getattr(frames, what), getattr(earlier, what), equal_nan=True)
            for what in ("pitch_semitones", "confidence", "volume")
        ):
            raise ProgramError(f"{program}: gave other frames for {clip.name} in a second process, after a reset")


def _score_sizes(
    job: PreparedVariant, program: Path, alignment: Alignment, progress: Progress
) -> tuple[SizeFigures, ...]:
    """Every size that the program takes: both sides rolled through all clips in calls of that size alone, and timed."""
    upstream, stream, threshold = job.baseline.session(), job.stream, job.recipe.scoring.voiced_confidence
    protocol = protocol_of(job.recipe.protocol)
    audio = np.concatenate(_samples(job.score))
    job_plan = TimingPlan(**dict(job.recipe.speed))
    job_plan = replace(job_plan, rounds=min(job_plan.rounds, 10))  # for every size
    figures = []
    with IsolatedProcess() as scorer, IsolatedProcess() as timer:
        for at, size in enumerate(stream.sizes):
            progress.report("sizes", at, len(stream.sizes))
            call_samples = size * stream.hop_samples
            whole = [_whole(clip.samples, call_samples) for clip in job.score]
            baseline = [
                run_chunks(with_state_handling(protocol.baseline, upstream), samples, [size]) for samples in whole
            ]
            variant = [
                frames
                for first in range(0, len(whole), stream.streams)
                for frames in scorer.call(
                    run_program,
                    program,
                    whole[first : first + stream.streams],
                    [size],
                    protocol.variant,
                    threads=job.recipe.speed.threads,
                )
            ]
            plan = replace(job_plan, chunks_per_round=max(2, job_plan.chunks_per_round // size), warmup_chunks=3)
            times_ms = timer.call(time_pair_in_process, job.baseline, program, _whole(audio, call_samples), plan, size)
            rolls = _rolls(job, baseline, variant, alignment)
            figures.append(size_figures(size, stream, rolls, threshold, *times_ms))
    progress.report("sizes", len(stream.sizes), len(stream.sizes))
    return tuple(figures)


def _rolls(
    job: PreparedVariant, baseline: Sequence[Frames], variant: Sequence[Frames], alignment: Alignment
) -> list[PairedFrames]:
    """Both sides clip by clip."""
    return [
        _clip_rolls(clip, eager, lowered, job.stream, job.recipe.scoring.voiced_confidence, alignment)
        for clip, eager, lowered in zip(job.score, baseline, variant, strict=True)
    ]


def _clip_rolls(
    clip: Clip, baseline: Frames, variant: Frames, stream: StreamConfig, threshold: float, alignment: Alignment
) -> PairedFrames:
    """Pitch is compared where the known f0 is voiced; where it is not known, where the baseline is confident."""
    if clip.f0 is None or alignment.delay_ms is None:
        return PairedFrames(clip.name, baseline, variant, baseline.confidence >= threshold, "baseline confidence")
    voiced = reference_hz(clip.f0, len(baseline), stream, alignment.delay_ms) > 0
    return PairedFrames(clip.name, baseline, variant, voiced, "known f0")


def _leave(clip: Clip, sides: PairedFrames, job: PreparedVariant, folder: Path, alignment: Alignment) -> None:
    """The frames of a clip as npz and their picture as PNG."""
    times_s = frame_end_s(len(sides.baseline), job.stream)
    known = None
    if clip.f0 is not None and alignment.delay_ms is not None:
        known = hz_to_semitones(reference_hz(clip.f0, len(times_s), job.stream, alignment.delay_ms))
    write_frames(folder, sides, times_s)
    protocol = protocol_of(job.recipe.protocol).label
    title = f"{protocol}\n" * bool(protocol) + f"{job.recipe.name}: {clip.name}"
    threshold, shown_from = job.recipe.scoring.voiced_confidence, job.recipe.postprocess.confidence_threshold
    write_atomic(picture_path(folder, clip.name), contour_png(sides, times_s, title, threshold, known, shown_from))


def _leave_worst(job: PreparedVariant, rolls: Sequence[PairedFrames], folder: Path) -> None:
    """The seconds around the worst frames, to be heard in a report."""
    clips = [
        ClipFrames(r.name, frame_end_s(len(r.baseline), job.stream), r.voiced, r.baseline, r.variant) for r in rolls
    ]
    save_clips_around(folder, worst(clips), job.score)
