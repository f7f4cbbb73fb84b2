"""The sentence: recipe -> audio -> model -> program -> sessions -> figures -> record. It alone strings stages."""

import functools
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from workbench import other_formats
from workbench.atomic import write_whole
from workbench.audit.environment import environment
from workbench.audit.history import keep_earlier
from workbench.audit.report.moments import MOMENTS_FOLDER
from workbench.audit.results import (
    RESULT_NAME,
    ClipUsed,
    LatencyOfEstimate,
    Record,
    judged,
    read_record,
    used,
    write_record,
)
from workbench.errors import LoweringError, ProgramError, WorkbenchError
from workbench.export.calibration import excerpts
from workbench.export.host_file import host_file
from workbench.export.lower import lower
from workbench.export.naive import quantize_globally
from workbench.export.program import FILE_NAMES, HOST_NAME, ProgramFile, Quantized, describe, name_for, with_host
from workbench.export.quantize import check_lowered, quantize
from workbench.export.toolchain import translated
from workbench.job import Job, Progress
from workbench.measure.race import cold_start, race
from workbench.measure.sizes import no_sizes
from workbench.measure.speed import Plan, Start
from workbench.recipe import Recipe
from workbench.runtime.child import Child
from workbench.runtime.open import import_runtime, open_program
from workbench.runtime.protocol import protocol_of
from workbench.runtime.session import Frames
from workbench.scoring import left, score

NOTES_NAME = "program.json"


def build(job: Job, folder: Path, progress: Progress, fresh: bool = False) -> tuple[ProgramFile, Start, bool]:
    """Make the program's file in `folder`, then load and run it in a process of its own: only then does it count.

    Returns what is in it, its cold start, and whether an earlier program was used again because nothing changed.
    Raises LoweringError where it cannot be lowered, ProgramError where it does not load or run; it is removed then.
    """
    path, notes = folder / name_for(job.recipe.lowering.backend), folder / NOTES_NAME
    progress("lower", 0, 1)
    program = None if fresh else _built_before(notes, job.program_fingerprint)
    reused = program is not None
    try:
        program = program or _make(job, path, progress)
        progress("lower", 1, 1)
        with Child() as child:
            child.call(import_runtime, path)
            start = child.call(cold_start, functools.partial(open_program, path), job.recipe.speed.threads)
    except (LoweringError, ProgramError):
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
    host = host_file(job.model) if recipe.lowering.scope == "network" else b""
    quantized = None
    if backend == "onnx" or backend == "torchscript":
        return _stored(path, *other_formats.make(job, _to_calibrate(job), progress), host)
    if recipe.quantization.everywhere:
        longest = round(recipe.quantization.seconds_per_clip * recipe.sample_rate_hz)
        heard = excerpts(_to_calibrate(job), longest, recipe.quantization.seed)
        with translated("quantizing the whole graph"):
            graph = quantize_globally(job.model, heard, lambda done, total: progress("calibrate", done, total))
        lowered = lower(job.model, backend, graph)
    elif recipe.quantization.parts:
        quantized = quantize_parts(job, progress)
        lowered = lower(job.model, backend)
        check_lowered(quantized, lowered)
    else:
        lowered = lower(job.model, backend)
    return _stored(path, lowered.pte, describe(lowered, path.name, recipe.state, quantized), host)


def _stored(path: Path, content: bytes, program: ProgramFile, host: bytes) -> ProgramFile:
    """Write the program, after what its host needs beside it; returns what is in them."""
    if host:
        program = with_host(program, HOST_NAME, host)
        write_whole(path.with_name(HOST_NAME), host)
    write_whole(path, content)
    return program


def quantize_parts(job: Job, progress: Progress) -> Quantized:
    """Quantize the job's model in place, as its recipe asks; raises LoweringError where it does not come out so."""
    recipe = job.recipe
    torch.set_num_threads(recipe.speed.threads)
    with translated("quantizing"):
        return quantize(job.model, recipe.quantization, _to_calibrate(job), recipe.scoring.voiced_confidence, progress)


def _to_calibrate(job: Job) -> list[torch.Tensor]:
    return [torch.tensor(clip.samples) for clip in job.calibrate]


def _clear(folder: Path) -> None:
    """Take away what an earlier run left of a program that cannot be made any more."""
    for name in (*FILE_NAMES, NOTES_NAME):
        (folder / name).unlink(missing_ok=True)
    for name in ("frames", "pictures", MOMENTS_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)


def _built_before(notes: Path, fingerprint: str) -> ProgramFile | None:
    """The program in this folder, where it is whole and was made from the same things."""
    try:
        stored = json.loads(notes.read_bytes())
        program = ProgramFile.model_validate(stored["program"])
        same = stored["fingerprint"] == fingerprint and program.is_in(notes.parent)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return program if same else None


def run(
    job: Job, folder: Path, progress: Progress, rolled: dict[str, Frames], fresh: bool = False
) -> tuple[Record, str]:
    """Build, score, time and judge one variant; leaves `result.json`, the program, frames and pictures in `folder`.

    `rolled` keeps the baseline's frames for variants of the same stream. Returns the record and what was used again
    ("" for nothing, "program", "figures" where they were only judged again, "result"). A variant that cannot be
    lowered or does not run is a record that fails. An earlier record with other figures is kept beside the new one.
    """
    if not fresh and (earlier := _recorded_before(folder, job)) is not None:
        return _judged_again(earlier, job.recipe, folder)
    began = time.perf_counter()
    seconds: dict[str, float] = {}
    recipe = job.recipe
    record = Record(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=job.fingerprint,
        recipe=used(recipe),
        environment=environment(recipe.speed.threads),
        audio=tuple(
            ClipUsed(name=clip.name, role=role, sha256=clip.sha256, seconds=clip.duration_s)
            for role, clips in (("calibrate", job.calibrate), ("score", job.score))
            for clip in clips
        ),
        latency=LatencyOfEstimate(
            algorithmic_ms=job.model.algorithmic_ms, depends_on_chunking=job.stream.depends_on_chunking
        ),
        protocol=protocol_of(recipe.protocol),
        **dict.fromkeys(_MEASURED),
        null_reasons=dict.fromkeys(_MEASURED, "not measured yet"),
    )
    try:
        program, start, reused = build(job, folder, progress, fresh)
        seconds["build"] = time.perf_counter() - began
        figures = score(job, folder / program.path, folder, progress, rolled, seconds)
        began = time.perf_counter()
        progress("speed", 0, 1)
        plan = Plan(**dict(recipe.speed))
        audio = np.concatenate([clip.samples for clip in job.score])
        speed = race(job.baseline, folder / program.path, audio, plan, start)
        seconds["speed"] = time.perf_counter() - began
        progress("speed", 1, 1)
        record = record.model_copy(update={**figures, "program": program, "speed": speed, "null_reasons": {}})
    except (LoweringError, ProgramError) as error:
        reused = False
        _clear(folder)  # also of what did not repeat
        record = record.model_copy(update={"null_reasons": dict.fromkeys(_MEASURED, str(error))})
        if job.stream.dynamic:
            record = record.model_copy(update={"deviation_over_sizes": no_sizes(str(error))})
    record = judged(record.model_copy(update={"seconds": seconds}), recipe.gates, recipe.scoring.min_voiced_frames)
    if kept := keep_earlier(record, folder):
        progress(f"the earlier record is kept as {kept.name}", 1, 1)
    write_record(record, folder)
    return record, "program" if reused else ""


def _judged_again(earlier: Record, recipe: Recipe, folder: Path) -> tuple[Record, str]:
    """Gates and words may be others than those of the earlier record: its figures stay, its verdict may not."""
    if earlier.recipe == used(recipe):
        return earlier, "result"
    asked = earlier.model_copy(update={"recipe": used(recipe)})
    record = judged(asked, recipe.gates, recipe.scoring.min_voiced_frames)
    write_record(record, folder)
    return record, "figures"


_MEASURED = ("program", "deviation", "floor", "truth", "speed")


def _recorded_before(folder: Path, job: Job) -> Record | None:
    """The record in this folder, where it was made from the same things and all that belongs to it is there."""
    try:
        record = read_record(folder / RESULT_NAME)
        same = record.fingerprint == job.fingerprint and record.program is not None
        if same and record.program is not None:
            same = record.program.is_in(folder)
            same = same and all(path.is_file() for clip in job.score for path in left(clip, folder))
    except (WorkbenchError, OSError):
        return None
    return record if same else None
