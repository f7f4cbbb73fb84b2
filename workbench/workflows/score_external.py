"""A record of frames that were recorded elsewhere: the same figures as of a run, but for the times."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.audit.verdict import judge_result
from workbench.errors import ProgramError, RecipeError
from workbench.export.backends import file_name_for
from workbench.export.metadata import metadata_of
from workbench.export.program_cache import NOTES_NAME
from workbench.export.program_file import ProgramFile
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.external_frames import read_recorded
from workbench.records.result import Result
from workbench.records.staging import recover, remove, staging_dir
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import read_metadata
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.workflows.variant.fingerprint import canonical_sha256
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.run import begun, move_in, unmeasured
from workbench.workflows.variant.score import score

ELSEWHERE = "frames were recorded elsewhere"
_NO_PROGRAM = f"{ELSEWHERE}, and no program was named; name it with --program"
_PROGRAM_MISMATCH = (
    "the program that was named was made from other things than the recipe would be here: code, libraries, checkpoint, "
    "calibration clips or machine, if not another recipe; build it again, and record its frames"
)
_OPENS_WITHIN_S = 60.0


def check(recipe: Recipe) -> None:
    """Raise RecipeError for a protocol that frames from elsewhere cannot have."""
    if recipe.protocol != "continuous":
        raise RecipeError(
            [f"{recipe.source}: protocol: frames from elsewhere are of a continuous stream, got {recipe.protocol}"]
        )


def score_external_frames(
    job: PreparedVariant, places: Sequence[Path], folder: Path, progress: Progress, program: Path | None = None
) -> Result:
    """Score frames that were recorded elsewhere against the baseline, rolled here on the same clips in the same calls.

    Of the job's clips those count that there are frames of. `program` is what gave them, as `build` or `run` left it.
    Leaves what a run leaves in `folder`. Raises RecipeError as `check`, WorkbenchError for frames that are none of the
    clips', ProgramError for a program that is not known or not the recipe's, and writes nothing then.
    """
    began, seconds = time.perf_counter(), dict[str, float]()
    check(job.recipe)
    known, doubt = _known(program, job) if program is not None else (None, "")
    recorded = read_recorded(places, job.score, job.stream, job.recipe.outputs)
    job.score = [clip for clip in job.score if clip.name in recorded]
    used = tuple(recorded[clip.name].used for clip in job.score)
    with exclusive(folder):
        recover(folder)
        place = staging_dir(folder)
        remove(place)
        record = begun(job)
        if program is not None and known is not None:
            for name in known.files:
                write_atomic(place / name, program.with_name(name).read_bytes())
        figures = score(job, recorded, place, progress, {}, seconds)
        fingerprint = canonical_sha256(record.fingerprint, [one.model_dump() for one in used], known and known.sha256)
        record = record.model_copy(
            update={
                **figures,
                "program": known,
                "program_in_doubt": doubt,
                "recorded": used,
                "fingerprint": fingerprint,
                "seconds": seconds,
            }
        )
        record = unmeasured(record, job, ELSEWHERE)
        if known is None:
            record = record.model_copy(update={"null_reasons": {**record.null_reasons, "program": _NO_PROGRAM}})
        seconds["all"] = time.perf_counter() - began
        record = judge_result(record, job.recipe.gates, job.recipe.scoring.min_voiced_frames)
        move_in(record, job, folder, progress)
    return record


def _known(program: Path, job: PreparedVariant) -> tuple[ProgramFile, str]:
    """What `build` noted of a program beside it, as a file alone does not tell its operators; and why it may be another
    recipe's, "" where it cannot be."""
    try:
        content = program.read_bytes()
    except OSError as error:
        raise ProgramError(f"{program}: cannot be read ({error.strerror}); check the path") from None
    try:
        notes = json.loads(program.with_name(NOTES_NAME).read_bytes())
        known, fingerprint = ProgramFile.model_validate(notes["program"]), notes["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ProgramError(f"{program}: no {NOTES_NAME} beside it; name one where `build` or `run` left it") from None
    if hashlib.sha256(content).hexdigest() != known.sha256 or not known.is_intact_in(program.parent):
        raise ProgramError(f"{program}: not the program that {NOTES_NAME} beside it knows; name the one that ran")
    _check_made_for(job, program, known)
    return known, "" if fingerprint == job.program_fingerprint else _PROGRAM_MISMATCH


def _check_made_for(job: PreparedVariant, program: Path, known: ProgramFile) -> None:
    """Raise ProgramError where a program is not what the job's recipe asks for, whatever else it was made from."""
    recipe = job.recipe
    asked: dict[str, object] = {"file": file_name_for(recipe.lowering.backend)}
    found: dict[str, object] = {"file": known.path}
    if not recipe.quantization.everywhere:  # which is not calibrated layer by layer
        asked["precision"] = "int8" if recipe.quantization.parts else "float"
        found["precision"] = "int8" if known.calibration else "float"
    if asked == found:
        with IsolatedProcess(_OPENS_WITHIN_S) as child:
            found |= {"scope": "whole", **child.call(read_metadata, program)}
        asked |= {"scope": job.model.scope, **metadata_of(job.model)}
        asked.pop("host_sha256", None)  # its last bits are a machine's, as the program's own are
    if wrong := [key for key, value in asked.items() if found.get(key) != value]:
        listed = ", ".join(f"its {key} is {found.get(key)}, not {asked[key]}" for key in wrong)
        raise ProgramError(f"{program}: not a program of {recipe.name} ({listed}); name the one that gave the frames")
