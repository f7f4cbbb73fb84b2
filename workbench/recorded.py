"""A record of frames that were recorded elsewhere: the same figures as of a run, but for the times."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from workbench.alone import alone_in
from workbench.atomic import write_whole
from workbench.audit.making import making, remove, settle
from workbench.audit.programs import NOTES_NAME
from workbench.audit.recorded import read_recorded
from workbench.audit.results import Record, judged
from workbench.errors import ProgramError
from workbench.export.program import ProgramFile
from workbench.job import Job, canonical_sha256
from workbench.pipeline import begun, move_in, unmeasured
from workbench.progress import Progress
from workbench.scoring import score

ELSEWHERE = "frames were recorded elsewhere"
_NO_PROGRAM = f"{ELSEWHERE}, and no program was named; name it with --program"


def score_recorded(
    job: Job, places: Sequence[Path], folder: Path, progress: Progress, program: Path | None = None
) -> Record:
    """Score frames that were recorded elsewhere against the baseline, rolled here on the same clips in the same calls.

    Of the job's clips those count that there are frames of. `program` is what gave them, as `build` or `run` left it.
    Leaves what a run leaves in `folder`. Raises WorkbenchError for frames that are none of the clips', ProgramError for
    a program that is not known, and writes nothing then.
    """
    began, seconds = time.perf_counter(), dict[str, float]()
    recorded = read_recorded(places, job.score, job.stream, job.recipe.outputs)
    known = _known(program) if program is not None else None
    job.score = [clip for clip in job.score if clip.name in recorded]
    used = tuple(recorded[clip.name].used for clip in job.score)
    with alone_in(folder):
        settle(folder)
        place = making(folder)
        remove(place)
        record = begun(job)
        if program is not None and known is not None:
            for name in known.files:
                write_whole(place / name, program.with_name(name).read_bytes())
        figures = score(job, recorded, place, progress, {}, seconds)
        fingerprint = canonical_sha256(record.fingerprint, [one.model_dump() for one in used], known and known.sha256)
        record = record.model_copy(
            update={**figures, "program": known, "recorded": used, "fingerprint": fingerprint, "seconds": seconds}
        )
        record = unmeasured(record, job, ELSEWHERE)
        if known is None:
            record = record.model_copy(update={"null_reasons": {**record.null_reasons, "program": _NO_PROGRAM}})
        seconds["all"] = time.perf_counter() - began
        record = judged(record, job.recipe.gates, job.recipe.scoring.min_voiced_frames)
        move_in(record, job, folder, progress)
    return record


def _known(program: Path) -> ProgramFile:
    """What `build` noted of a program beside it: a file alone does not tell its operators."""
    notes = program.with_name(NOTES_NAME)
    try:
        content = program.read_bytes()
    except OSError as error:
        raise ProgramError(f"{program}: cannot be read ({error.strerror}); check the path") from None
    try:
        known = ProgramFile.model_validate(json.loads(notes.read_bytes())["program"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        raise ProgramError(f"{program}: no {NOTES_NAME} beside it; name one where `build` or `run` left it") from None
    if hashlib.sha256(content).hexdigest() != known.sha256 or not known.is_in(program.parent):
        raise ProgramError(f"{program}: not the program that {NOTES_NAME} beside it knows; name the one that ran")
    return known
