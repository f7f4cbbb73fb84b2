"""The sentence: recipe -> audio -> model -> program -> sessions -> figures -> record. It alone strings stages."""

import functools
import hashlib
import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from workbench.atomic import write_whole
from workbench.audit.environment import environment
from workbench.audit.history import keep_earlier
from workbench.audit.report.moments import MOMENTS_FOLDER
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
from workbench.export.backends import TARGETS
from workbench.export.calibration import excerpts
from workbench.export.lower import lower
from workbench.export.naive import quantize_globally
from workbench.export.program import ProgramFile, Quantized, describe
from workbench.export.quantize import check_lowered, quantize
from workbench.export.toolchain import translated
from workbench.job import Job, Progress
from workbench.measure.race import cold_start, race
from workbench.measure.sizes import no_sizes
from workbench.measure.speed import Plan, Start
from workbench.recipe import Recipe
from workbench.runtime.child import Child
from workbench.runtime.delegates import missing
from workbench.runtime.protocol import protocol_of
from workbench.runtime.pte import PteSession
from workbench.runtime.session import Frames
from workbench.scoring import left, score

PROGRAM_NAME, NOTES_NAME = "program.pte", "program.json"


def build(job: Job, folder: Path, progress: Progress, fresh: bool = False) -> tuple[ProgramFile, Start | str, bool]:
    """Lower to `program.pte` in `folder`, then load and run it in a process of its own: only then does it count.

    Returns what is in it, its cold start (or why it cannot run here, and where it can: then it was not loaded), and
    whether an earlier program was used again because nothing changed.
    Raises LoweringError where it cannot be lowered, ProgramError where it does not load or run; it is removed then.
    """
    path, notes = folder / PROGRAM_NAME, folder / NOTES_NAME
    progress("lower", 0, 1)
    program = None if fresh else _built_before(path, notes, job.program_fingerprint)
    reused = program is not None
    try:
        program = program or _make(job, path, progress)
        progress("lower", 1, 1)
        start: Start | str = not_run_here(program, job.recipe)
        if not start:
            with Child() as child:
                start = child.call(cold_start, functools.partial(PteSession, path), job.recipe.speed.threads)
    except (LoweringError, ProgramError):
        _clear(folder)
        raise
    if not reused:
        content = {"fingerprint": job.program_fingerprint, "program": program.model_dump(mode="json")}
        write_whole(notes, (json.dumps(content, indent=2) + "\n").encode())
    return program, start, reused


def _make(job: Job, path: Path, progress: Progress) -> ProgramFile:
    """Quantize where asked, lower, and store the program."""
    recipe, backend, wish = job.recipe, job.recipe.lowering.backend, job.recipe.postprocess.confidence_threshold
    torch.set_num_threads(recipe.speed.threads)  # or the last bits of a range would depend on the machine's load

    quantized = None
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
    program = describe(lowered, PROGRAM_NAME, recipe.state, quantized)
    program = program.model_copy(update={"lowered_with": TARGETS[backend].versions})
    write_whole(path, lowered.pte)
    return program


def not_run_here(program: ProgramFile, recipe: Recipe) -> str:
    """Why this machine cannot run a program, and the command that runs it where it can; "" where this one can."""
    backends = {delegate.backend for delegate in program.delegates} - {"XnnpackBackend"}  # which every runtime has
    if not backends:
        return ""
    with Child() as child:
        absent = child.call(missing, sorted(backends))
    variant = f" --variant {recipe.name}" if recipe.name != recipe.source.stem else ""
    elsewhere = TARGETS[recipe.lowering.backend].elsewhere.format(recipe=recipe.source.name, variant=variant)
    return f"not run here: this runtime has no {' or '.join(absent)}; {elsewhere}" if absent else ""


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
    for name in (PROGRAM_NAME, NOTES_NAME):
        (folder / name).unlink(missing_ok=True)
    _clear_figures(folder)


def _clear_figures(folder: Path) -> None:
    """Take away what an earlier run left of what it compared."""
    for name in ("frames", "pictures", MOMENTS_FOLDER):
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
    ("" for nothing, "program", "figures" where they were only judged again, "result"). A variant that cannot be
    lowered or does not run is a record that fails. An earlier record with other figures is kept beside the new one.
    """
    if not fresh and (earlier := _recorded_before(folder, job)) is not None:
        return _judged_again(earlier, job.recipe, folder)
    began = time.perf_counter()
    seconds: dict[str, float] = {}
    recipe = job.recipe
    record = begun(job)
    try:
        program, start, reused = build(job, folder, progress, fresh)
        seconds["build"] = time.perf_counter() - began
        if isinstance(start, str):
            _clear_figures(folder)
            record = unmeasured(record.model_copy(update={"program": program, "not_run_here": start}), job, start)
        else:
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
        record = unmeasured(record, job, str(error))
    record = judged(record.model_copy(update={"seconds": seconds}), recipe.gates, recipe.scoring.min_voiced_frames)
    if kept := keep_earlier(record, folder):
        progress(f"the earlier record is kept as {kept.name}", 1, 1)
    write_record(record, folder)
    return record, "program" if reused else ""


def begun(job: Job) -> Record:
    """The record of a job of which nothing is measured yet."""
    recipe = job.recipe
    return Record(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=job.fingerprint,
        recipe=_used(recipe),
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


def _used(recipe: Recipe) -> RecipeUsed:
    return RecipeUsed(name=recipe.name, sha256=recipe.sha256, resolved=recipe.resolved())


def _judged_again(earlier: Record, recipe: Recipe, folder: Path) -> tuple[Record, str]:
    """Gates and words may be others than those of the earlier record: its figures stay, its verdict may not."""
    if earlier.recipe == _used(recipe):
        return earlier, "result"
    asked = earlier.model_copy(update={"recipe": _used(recipe)})
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
            content = (folder / record.program.path).read_bytes()
            same = hashlib.sha256(content).hexdigest() == record.program.sha256
            if record.not_run_here:
                same = same and record.not_run_here == not_run_here(record.program, job.recipe)
            else:
                same = same and all(path.is_file() for clip in job.score for path in left(clip, folder))
    except (WorkbenchError, OSError):
        return None
    return record if same else None
