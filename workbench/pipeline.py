"""The sentence: recipe -> audio -> model -> program -> sessions -> figures -> record. It alone strings stages."""

import hashlib
import io
import json
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.atomic import write_whole
from workbench.audio.files import Clip
from workbench.audit.environment import environment
from workbench.audit.pictures import contour_png
from workbench.audit.results import (
    RESULT_NAME,
    ClipUsed,
    LatencyOfEstimate,
    RecipeUsed,
    Record,
    judged,
    read_record,
    write_record,
)
from workbench.errors import LoweringError, ProgramError, WorkbenchError
from workbench.export.lower import lower
from workbench.export.program import ProgramFile, describe
from workbench.export.quantize import check_lowered, part_inputs, quantize, quantize_globally
from workbench.job import Job, Progress, canonical_sha256
from workbench.measure.deviation import ClipRolls, deviation
from workbench.measure.floor import dithered, floor
from workbench.measure.race import cold_start, race, race_here
from workbench.measure.sizes import SizeFigures, over_sizes, size_figures
from workbench.measure.speed import Plan, Start
from workbench.measure.truth import Alignment, align, reference_hz, truth
from workbench.model.stream import Stream
from workbench.runtime.child import Child
from workbench.runtime.pte import roll_program_streams
from workbench.runtime.session import Floats, Frames, frame_end_s, random_sizes, roll
from workbench.units import hz_to_semitones

_SIZES_SEED = 32  # of the order in which a program is given its sizes
PROGRAM_NAME, NOTES_NAME = "program.pte", "program.json"


def build(job: Job, folder: Path, progress: Progress, fresh: bool = False) -> tuple[ProgramFile, Start, bool]:
    """Lower to `program.pte` in `folder`, then load and run it in a process of its own: only then does it count.

    Returns what is in it, its cold start, and whether an earlier program was used again because nothing changed.
    Raises LoweringError where it cannot be lowered, ProgramError where it does not load or run; it is removed then.
    """
    path, notes = folder / PROGRAM_NAME, folder / NOTES_NAME
    progress("lower", 0, 1)
    program = None if fresh else _built_before(path, notes, job.program_fingerprint)
    reused = program is not None
    if program is None:
        program = _make(job, path, progress)
    progress("lower", 1, 1)
    try:
        with Child() as child:
            start = child.call(cold_start, path, job.recipe.speed.threads)
    except ProgramError:
        _clear(folder)
        raise
    if not reused:
        content = {"fingerprint": job.program_fingerprint, "program": program.model_dump(mode="json")}
        write_whole(notes, (json.dumps(content, indent=2) + "\n").encode())
    return program, start, reused


def _make(job: Job, path: Path, progress: Progress) -> ProgramFile:
    """Quantize where asked, lower, and store the program."""
    recipe, backend = job.recipe, job.recipe.lowering.backend
    torch.set_num_threads(recipe.speed.threads)  # or the last bits of a range would depend on the machine's load

    def told(done: int, total: int) -> None:
        progress("calibrate", done, total)

    longest = round(recipe.quantization.seconds_per_clip * recipe.sample_rate_hz)
    heard = [torch.tensor(clip.samples[:longest]) for clip in job.calibrate]
    quantized = None
    if recipe.quantization.everywhere:
        lowered = lower(job.model, backend, quantize_globally(job.model, heard, told))
    elif recipe.quantization.parts:
        quantized = quantize(job.model, recipe.quantization, part_inputs(job.model, heard), told)
        lowered = lower(job.model, backend)
        check_lowered(quantized, lowered)
    else:
        lowered = lower(job.model, backend)
    program = describe(lowered, PROGRAM_NAME, recipe.state, quantized)
    write_whole(path, lowered.pte)
    return program


def _clear(folder: Path) -> None:
    """Take away what an earlier run left of a program that cannot be made any more."""
    for name in (PROGRAM_NAME, NOTES_NAME):
        (folder / name).unlink(missing_ok=True)
    for name in ("frames", "pictures"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _built_before(path: Path, notes: Path, fingerprint: str) -> ProgramFile | None:
    """The program in this folder, where it is whole and was made from the same things."""
    try:
        stored = json.loads(notes.read_bytes())
        program = ProgramFile.model_validate(stored["program"])
        same = stored["fingerprint"] == fingerprint and hashlib.sha256(path.read_bytes()).hexdigest() == program.sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return program if same else None


def run(
    job: Job, folder: Path, progress: Progress, rolled: dict[str, Frames], fresh: bool = False
) -> tuple[Record, str]:
    """Build, score, time and judge one variant; leaves `result.json`, the program, frames and pictures in `folder`.

    `rolled` keeps the baseline's frames for variants of the same stream. Returns the record and what was used again
    ("" for nothing, "program", "result"). A variant that cannot be lowered or does not run is a record that fails.
    """
    if not fresh and (earlier := _recorded_before(folder, job)) is not None:
        return earlier, "result"
    began = time.perf_counter()
    seconds: dict[str, float] = {}
    recipe = job.recipe
    record = Record(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=job.fingerprint,
        recipe=RecipeUsed(name=recipe.name, sha256=recipe.sha256, resolved=recipe.resolved()),
        environment=environment(recipe.speed.threads),
        audio=tuple(
            ClipUsed(name=clip.name, role=role, sha256=clip.sha256, seconds=clip.duration_s)
            for role, clips in (("calibrate", job.calibrate), ("score", job.score))
            for clip in clips
        ),
        latency=LatencyOfEstimate(
            algorithmic_ms=job.model.algorithmic_ms, depends_on_chunking=job.stream.depends_on_chunking
        ),
        **dict.fromkeys(_MEASURED),
        null_reasons=dict.fromkeys(_MEASURED, "not measured yet"),
    )
    try:
        program, start, reused = build(job, folder, progress, fresh)
        seconds["build"] = time.perf_counter() - began
        figures = _score(job, folder, program, progress, rolled, seconds)
        began = time.perf_counter()
        progress("speed", 0, 1)
        plan = Plan(**dict(recipe.speed))
        audio = np.concatenate([clip.samples for clip in job.score])
        speed = race(job.baseline, folder / program.path, audio, plan, start)
        seconds["speed"] = time.perf_counter() - began
        progress("speed", 1, 1)
        if job.stream.dynamic:
            began = time.perf_counter()
            alignment = Alignment(figures["truth"].delay_ms, None)
            sizes = _score_sizes(job, folder / program.path, alignment, audio, plan, progress)
            figures |= {"sizes": sizes, "deviation_over_sizes": over_sizes(sizes)}
            seconds["sizes"] = time.perf_counter() - began
        record = record.model_copy(update={**figures, "program": program, "speed": speed, "null_reasons": {}})
    except (LoweringError, ProgramError) as error:
        reused = False
        _clear(folder)
        record = record.model_copy(update={"null_reasons": dict.fromkeys(_MEASURED, str(error))})
    record = judged(record.model_copy(update={"seconds": seconds}), recipe.gates, recipe.scoring.min_voiced_frames)
    write_record(record, folder)
    return record, "program" if reused else ""


_MEASURED = ("program", "deviation", "floor", "truth", "speed")


def _score(
    job: Job,
    folder: Path,
    program: ProgramFile,
    progress: Progress,
    rolled: dict[str, Frames],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Roll both sides through all clips and compare; leaves `frames/` and `pictures/`.

    Both get the same chunks: of sizes in random order, where the program takes several. The baseline hears each clip by
    itself; a program of several streams hears as many at once.
    """
    began = time.perf_counter()
    torch.set_num_threads(job.recipe.speed.threads)  # as when timed
    upstream = job.baseline.session()
    sizes = random_sizes(job.stream, _SIZES_SEED)
    done, total = 0, len(job.calibrate) + 3 * len(job.score)

    def baseline_of(clip: Clip, dither: bool = False) -> Frames:
        nonlocal done
        key = canonical_sha256(repr(job.baseline), clip.sha256, clip.name, dither)
        if key not in rolled:
            rolled[key] = roll(upstream, dithered(clip.samples) if dither else clip.samples, sizes)
        done += 1
        progress("score", done, total)
        return rolled[key]

    alignment = align([(clip, baseline_of(clip)) for clip in job.calibrate], job.stream)
    baseline = [baseline_of(clip) for clip in job.score]
    moved = [baseline_of(clip, dither=True) for clip in job.score]
    variant: list[Frames] = []
    with Child() as child:
        for lanes in _lanes(job):
            variant += child.call(roll_program_streams, folder / program.path, lanes, sizes)
            done += len(lanes)
            progress("score", min(done, total), total)
    variant = variant[: len(job.score)]
    threshold = job.recipe.scoring.voiced_confidence
    rolls = [
        _rolls(clip, eager, lowered, job.stream, threshold, alignment)
        for clip, eager, lowered in zip(job.score, baseline, variant, strict=True)
    ]
    figures = {
        "deviation": deviation(rolls, threshold),
        "floor": floor(
            [ClipRolls(r.name, r.baseline, m, r.voiced, r.voiced_by) for r, m in zip(rolls, moved, strict=True)]
        ),
        "truth": truth(job.score, baseline, variant, job.stream, threshold, alignment),
    }
    seconds["score"] = time.perf_counter() - began
    began = time.perf_counter()
    for at, (clip, sides) in enumerate(zip(job.score, rolls, strict=True)):
        progress("pictures", at, len(rolls))
        _leave(clip, sides, job, folder, alignment)
    progress("pictures", len(rolls), len(rolls))
    seconds["pictures"] = time.perf_counter() - began
    return figures


def _lanes(job: Job) -> list[list[Floats]]:
    """The scored clips, as many together as the program has streams; the last lanes hear the first clips again."""
    clips, streams = [clip.samples for clip in job.score], job.stream.streams
    return [[clips[(first + at) % len(clips)] for at in range(streams)] for first in range(0, len(clips), streams)]


def _score_sizes(
    job: Job, path: Path, alignment: Alignment, audio: Floats, plan: Plan, progress: Progress
) -> tuple[SizeFigures, ...]:
    """Every size that the program takes: both sides rolled through all clips in calls of that size alone, and timed."""
    upstream, stream, threshold = job.baseline.session(), job.stream, job.recipe.scoring.voiced_confidence
    figures = []
    with Child() as scorer, Child() as timer:
        for at, size in enumerate(stream.sizes):
            progress("sizes", at, len(stream.sizes))
            baseline = [roll(upstream, clip.samples, [size]) for clip in job.score]
            variant = [
                frames for lanes in _lanes(job) for frames in scorer.call(roll_program_streams, path, lanes, [size])
            ][: len(job.score)]
            rolls = [
                _rolls(clip, eager, lowered, stream, threshold, alignment)
                for clip, eager, lowered in zip(job.score, baseline, variant, strict=True)
            ]
            calls = replace(plan, chunks_per_round=max(1, plan.chunks_per_round // size), warmup_chunks=3)
            times_ms = timer.call(race_here, job.baseline, path, audio, calls, size)
            figures.append(size_figures(size, stream, rolls, threshold, *times_ms))
    progress("sizes", len(stream.sizes), len(stream.sizes))
    return tuple(figures)


def _rolls(
    clip: Clip, baseline: Frames, variant: Frames, stream: Stream, threshold: float, alignment: Alignment
) -> ClipRolls:
    """Pitch is compared where the known f0 is voiced; where it is not known, where the baseline is confident."""
    if clip.f0 is None or alignment.delay_ms is None:
        return ClipRolls(clip.name, baseline, variant, baseline.confidence >= threshold, "baseline confidence")
    voiced = reference_hz(clip.f0, len(baseline), stream, alignment.delay_ms) > 0
    return ClipRolls(clip.name, baseline, variant, voiced, "known f0")


def _leave(clip: Clip, sides: ClipRolls, job: Job, folder: Path, alignment: Alignment) -> None:
    """The frames of a clip as npz and their picture as PNG."""
    frames_path, picture_path = _left(clip, folder)
    times_s = frame_end_s(len(sides.baseline), job.stream)
    known = None
    if clip.f0 is not None and alignment.delay_ms is not None:
        known = hz_to_semitones(reference_hz(clip.f0, len(times_s), job.stream, alignment.delay_ms))
    arrays = {
        f"{side}_{what}": getattr(frames, what)
        for side, frames in (("baseline", sides.baseline), ("variant", sides.variant))
        for what in ("pitch_semitones", "confidence", "volume")
    }
    content = io.BytesIO()
    np.savez_compressed(content, time_s=times_s, voiced=sides.voiced, allow_pickle=False, **arrays)
    write_whole(frames_path, content.getvalue())
    title = f"{job.recipe.name}: {clip.name}"
    threshold = job.recipe.scoring.voiced_confidence
    write_whole(picture_path, contour_png(sides, times_s, title, threshold, known))


def _left(clip: Clip, folder: Path) -> tuple[Path, Path]:
    name = clip.name.replace("/", "-")
    return folder / "frames" / f"{name}.npz", folder / "pictures" / f"{name}.png"


def _recorded_before(folder: Path, job: Job) -> Record | None:
    """The record in this folder, where it was made from the same things and all that belongs to it is there."""
    try:
        record = read_record(folder / RESULT_NAME)
        same = record.fingerprint == job.fingerprint and record.program is not None
        if same and record.program is not None:
            content = (folder / record.program.path).read_bytes()
            same = hashlib.sha256(content).hexdigest() == record.program.sha256
            same = same and all(path.is_file() for clip in job.score for path in _left(clip, folder))
    except (WorkbenchError, OSError):
        return None
    return record if same else None
