"""The sentence: recipe -> audio -> model -> program -> sessions -> figures -> record. It alone strings stages."""

import functools
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from workbench import other_formats
from workbench.alone import alone_in
from workbench.atomic import write_whole
from workbench.audit.environment import environment
from workbench.audit.making import finish, making, remove, settle
from workbench.audit.programs import NOTES_NAME, entry, keep, note, program_in
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
from workbench.export.backends import TARGETS, versions_for
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
from workbench.measure.speed import Plan, Speed, Start
from workbench.recipe import Recipe
from workbench.runtime.child import Child
from workbench.runtime.delegates import missing
from workbench.runtime.open import import_runtime, open_program
from workbench.runtime.protocol import protocol_of
from workbench.runtime.session import Frames
from workbench.scoring import SCORES_NAME, keep_scores, left, score, scored_before

_FIGURES = ("frames", "pictures", MOMENTS_FOLDER)
OWN = (*FILE_NAMES, NOTES_NAME, *_FIGURES)
"""The files and folders that belong to a record."""


def build(
    job: Job,
    folder: Path,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
    earlier: Path | None = None,
) -> tuple[ProgramFile, Start | str, bool]:
    """Make the program's file in `folder`, then load and run it in a process of its own: only then does it count.

    Unless `fresh`, a program that was made from the same things is used again: of this folder, of the folder `earlier`,
    or of the store. Returns what is in it, its cold start (or why it cannot run here, and where it can: then it was not
    loaded), and whether it was made before. Raises LoweringError where it cannot be lowered, ProgramError where it does
    not load or run; it is removed then.
    """
    path, fingerprint = folder / name_for(job.recipe.lowering.backend), job.program_fingerprint
    progress("lower", 0, 1)
    places = [folder, *([earlier] if earlier else []), *([entry(store, fingerprint)] if store else [])]
    found = None if fresh else next(filter(None, (program_in(place, fingerprint) for place in places)), None)
    try:
        if found is None:
            program = _make(job, path, progress)
        else:
            program, contents = found
            for name, content in contents.items():
                write_whole(folder / name, content)
        progress("lower", 1, 1)
        start: Start | str = not_run_here(program, job.recipe)
        if not start:
            with Child() as child:
                child.call(import_runtime, path)
                start = child.call(cold_start, functools.partial(open_program, path), job.recipe.speed.threads)
    except (LoweringError, ProgramError):
        remove(folder, OWN)
        raise
    note(folder, fingerprint, program)
    if store:
        keep(store, fingerprint, folder, fresh=fresh)
    return program, start, found is not None


def _make(job: Job, path: Path, progress: Progress) -> ProgramFile:
    """Quantize where asked, lower, and store the program."""
    recipe, backend, wish = job.recipe, job.recipe.lowering.backend, job.recipe.postprocess.confidence_threshold
    torch.set_num_threads(recipe.speed.threads)  # or the last bits of a range would depend on the machine's load
    host = host_file(job.model) if recipe.lowering.scope == "network" else b""
    quantized = None
    if backend == "onnx" or backend == "torchscript":
        return _stored(path, *other_formats.make(job, _to_calibrate(job), progress, wish), host)
    if recipe.quantization.everywhere:
        longest = round(recipe.quantization.seconds_per_clip * recipe.sample_rate_hz)
        heard = excerpts(_to_calibrate(job), longest, recipe.quantization.seed)
        with translated("quantizing the whole graph"):
            graph = quantize_globally(job.model, heard, lambda done, total: progress("calibrate", done, total))
        lowered = lower(job.model, backend, graph, wish)
    elif recipe.quantization.parts:
        quantized = quantize_parts(job, progress)
        lowered = lower(job.model, backend, confidence_threshold=wish)
        check_lowered(quantized, lowered)
    else:
        lowered = lower(job.model, backend, confidence_threshold=wish)
    program = describe(lowered, path.name, recipe.state, quantized)
    program = program.model_copy(update={"made_with": versions_for(backend)})
    return _stored(path, lowered.pte, program, host)


def _stored(path: Path, content: bytes, program: ProgramFile, host: bytes) -> ProgramFile:
    """Write the program, after what its host needs beside it; returns what is in them."""
    if host:
        program = with_host(program, HOST_NAME, host)
        write_whole(path.with_name(HOST_NAME), host)
    write_whole(path, content)
    return program


def not_run_here(program: ProgramFile, recipe: Recipe) -> str:
    """Why this machine cannot run a program, and the command that runs it where it can; "" where this one can."""
    backends = {delegate.backend for delegate in program.delegates} - {"XnnpackBackend"}  # which every runtime has
    target = next((target for name, target in TARGETS.items() if name == recipe.lowering.backend), None)
    if target is None or not backends:
        return ""
    with Child() as child:
        absent = child.call(missing, sorted(backends))
    variant = f" --variant {recipe.name}" if recipe.name != recipe.source.stem else ""
    elsewhere = target.elsewhere.format(recipe=recipe.source.name, variant=variant)
    return f"not run here: this runtime has no {' or '.join(absent)}; {elsewhere}" if absent else ""


def quantize_parts(job: Job, progress: Progress) -> Quantized:
    """Quantize the job's model in place, as its recipe asks; raises LoweringError where it does not come out so."""
    recipe = job.recipe
    torch.set_num_threads(recipe.speed.threads)
    with translated("quantizing"):
        return quantize(job.model, recipe.quantization, _to_calibrate(job), recipe.scoring.voiced_confidence, progress)


def _to_calibrate(job: Job) -> list[torch.Tensor]:
    return [torch.tensor(clip.samples) for clip in job.calibrate]


def run(
    job: Job,
    folder: Path,
    progress: Progress,
    rolled: dict[str, Frames],
    fresh: bool = False,
    store: Path | None = None,
) -> tuple[Record, str]:
    """Build, score, time and judge one variant; leaves `result.json`, the program, frames and pictures in `folder`.

    `rolled` keeps the baseline's frames for variants of the same stream, `store` the programs of all runs. Returns the
    record and what was used again ("" for nothing, "program", "scores" where only the times were taken anew, as they
    were in doubt, "figures" where they were only judged again, "result").
    A variant that cannot be lowered or does not run is a record that fails. An earlier record with other figures is
    kept beside the new one. Killed at any moment, the folder stays as it was, and the same call goes on from there.

    Raises WorkbenchError while another process is at work in the folder, and OSError where the disk is full.
    """
    with alone_in(folder):
        if kept := settle(folder, OWN):
            progress(f"the earlier record is kept as {kept.name}", 1, 1)
        if not fresh and (earlier := _recorded_before(folder, job)) is not None:
            if earlier.speed is not None and earlier.speed.in_doubt:
                return _timed_again(earlier, job, folder, progress)
            return _judged_again(earlier, job.recipe, folder)
        return _measured(job, folder, progress, rolled, fresh, store)


def _measured(
    job: Job, folder: Path, progress: Progress, rolled: dict[str, Frames], fresh: bool, store: Path | None
) -> tuple[Record, str]:
    """All of a variant, made beside what the folder has and moved in at the end."""
    place = making(folder)
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
    began = time.perf_counter()
    seconds: dict[str, float] = {}
    recipe = job.recipe
    record = begun(job)
    try:
        program, start, reused = build(job, place, progress, fresh, store, folder)
        seconds["build"] = time.perf_counter() - began
        if isinstance(start, str):
            remove(place, _FIGURES)
            record = unmeasured(record.model_copy(update={"program": program, "not_run_here": start}), job, start)
        else:
            if (figures := scored_before(place, job, program, seconds)) is None:
                remove(place, _FIGURES)
                figures = score(job, place / program.path, place, progress, rolled, seconds)
                keep_scores(place, job, program, seconds, figures)
            speed = _timed(job, place / program.path, start, progress, seconds)
            record = record.model_copy(update={**figures, "program": program, "speed": speed, "null_reasons": {}})
    except (LoweringError, ProgramError) as error:
        reused = False
        remove(place, OWN)  # also of what did not repeat
        record = unmeasured(record, job, str(error).replace(str(place), str(folder)))
    record = judged(record.model_copy(update={"seconds": seconds}), recipe.gates, recipe.scoring.min_voiced_frames)
    if kept := finish(record, folder, (SCORES_NAME,), OWN):
        progress(f"the earlier record is kept as {kept.name}", 1, 1)
    return record, "program" if reused else ""


def _timed(job: Job, program: Path, start: Start, progress: Progress, seconds: dict[str, float]) -> Speed:
    """Both sides raced on all scored clips; `seconds` hears how long it took."""
    began = time.perf_counter()
    progress("speed", 0, 1)
    audio = np.concatenate([clip.samples for clip in job.score])
    speed = race(job.baseline, program, audio, Plan(**dict(job.recipe.speed)), start)
    seconds["speed"] = time.perf_counter() - began
    progress("speed", 1, 1)
    return speed


def _timed_again(earlier: Record, job: Job, folder: Path, progress: Progress) -> tuple[Record, str]:
    """A record whose times are in doubt, with others: all else stays as it was measured."""
    assert earlier.program is not None
    shutil.rmtree(making(folder), ignore_errors=True)
    seconds, program = dict(earlier.seconds), folder / earlier.program.path
    with Child() as child:
        child.call(import_runtime, program)
        start = child.call(cold_start, functools.partial(open_program, program), job.recipe.speed.threads)
    speed = _timed(job, program, start, progress, seconds)
    record = begun(job).model_copy(
        update={name: getattr(earlier, name) for name in Record.model_fields if name not in _OF_A_RUN}
        | {"speed": speed, "seconds": seconds}
    )
    record = judged(record, job.recipe.gates, job.recipe.scoring.min_voiced_frames)
    if kept := finish(record, folder, (), OWN):
        progress(f"the earlier record is kept as {kept.name}", 1, 1)
    return record, "scores"


def begun(job: Job) -> Record:
    """The record of a job of which nothing is measured yet."""
    recipe = job.recipe
    return Record(
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


def unmeasured(record: Record, job: Job, why: str) -> Record:
    """The record with the reason for every figure that it does not have."""
    nulls = dict.fromkeys((name for name in _MEASURED if getattr(record, name) is None), why)
    over_sizes = no_sizes(why) if job.stream.dynamic else record.deviation_over_sizes
    return record.model_copy(update={"null_reasons": nulls, "deviation_over_sizes": over_sizes})


def _judged_again(earlier: Record, recipe: Recipe, folder: Path) -> tuple[Record, str]:
    """Gates and words may be others than those of the earlier record: its figures stay, its verdict may not."""
    if earlier.recipe == used(recipe):
        return earlier, "result"
    asked = earlier.model_copy(update={"recipe": used(recipe)})
    record = judged(asked, recipe.gates, recipe.scoring.min_voiced_frames)
    write_record(record, folder)
    return record, "figures"


_OF_A_RUN = ("created", "recipe", "environment")  # the rest of a record is of what was measured
_MEASURED = ("program", "deviation", "floor", "truth", "speed")


def _recorded_before(folder: Path, job: Job) -> Record | None:
    """The record in this folder, where it was made from the same things and all that belongs to it is there."""
    try:
        record = read_record(folder / RESULT_NAME)
        same = record.fingerprint == job.fingerprint and record.program is not None
        if same and record.program is not None:
            same = record.program.is_in(folder)
            if record.not_run_here:
                same = same and record.not_run_here == not_run_here(record.program, job.recipe)
            else:
                same = same and all(path.is_file() for clip in job.score for path in left(clip, folder))
    except (WorkbenchError, OSError):
        return None
    return record if same else None
