"""Frames that a program returned on another device: the same result as that of a run, without times."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.errors import ProgramError, RecipeError
from workbench.export.backends import file_name_for
from workbench.export.metadata import metadata_of
from workbench.export.program_cache import NOTES_NAME
from workbench.export.program_file import ProgramFile
from workbench.progress import Progress, StageTimer
from workbench.recipe import Recipe
from workbench.records.frames.external import read_external_frames
from workbench.records.unfinished.staging import recover, remove, staging_dir
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.open_program import read_metadata
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive
from workbench.workflows.input_files import check_programs
from workbench.workflows.jobs.workers import Workers
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.fingerprint import canonical_sha256
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.result import begin_result, commit_result, judge, without_figures
from workbench.workflows.variant.run import Reused, RunOutcome
from workbench.workflows.variant.score.clips import RecordedFrames, score
from workbench.workflows.variant.store_frames import store_frames

ELSEWHERE = "frames were recorded elsewhere"
_NO_PROGRAM = f"{ELSEWHERE}, and no program was named; name it with --program"
_PROGRAM_MISMATCH = (
    "the program was built with another recipe, code, library, checkpoint, calibration clip or machine than this one; "
    "build it again, and record its frames"
)


def check(recipe: Recipe) -> None:
    """Raises RecipeError if the recipe has a protocol that recorded frames cannot have."""
    if recipe.protocol != "continuous":
        raise RecipeError(
            [f"{recipe.source}: protocol: expected continuous for frames from another device, got {recipe.protocol}"]
        )


def score_external_frames(
    variant: PreparedVariant,
    frames: Sequence[Path],
    folder: Path,
    progress: Progress,
    program: Path | None = None,
    baselines: Path | None = None,
    workers: Workers | None = None,
) -> RunOutcome:
    """Scores recorded frames against the baseline, which runs here on the same clips in the same calls.

    Clips without frames do not count. Leaves in `folder` what a run leaves.

    Args:
        variant: The variant of the recipe that the program was built from, with its clips.
        frames: Files of frames, or folders of them.
        folder: The folder of the variant. It may hold an earlier run.
        progress: Receives the stages.
        program: The program that returned the frames, as `build` or `run` left it. None if it is not here.
        baselines: The cache of the baseline's frames of all runs.
        workers: Share the baseline's frames.

    Raises:
        RecipeError: The recipe's protocol is not continuous.
        ProgramError: The program is unknown, or not the recipe's. Nothing is written.
        WorkbenchError: The frames are not those of the clips. Nothing is written.
    """
    check(variant.recipe)
    known, doubt = (None, "") if program is None else _read_known_program(program, variant)
    recorded = read_external_frames(frames, variant.scored_clips, variant.stream, variant.recipe.outputs)
    scored_clips = tuple(clip for clip in variant.scored_clips if clip.name in recorded)
    variant, timer = replace(variant, scored_clips=scored_clips), StageTimer()
    with exclusive(folder):
        recovered, staging = recover(folder), staging_dir(folder)
        remove(staging)
        with timer.stage("all"):
            cache = BaselineCache(baselines, workers=workers)
            scored = score(variant, RecordedFrames(variant, recorded), cache, progress, timer)
            with timer.stage("pictures"):
                store_frames(variant, scored, staging, progress)
            if program is not None and known is not None:
                for name in known.files:
                    write_atomic(staging / name, program.with_name(name).read_bytes())
        result = begin_result(variant)
        used = tuple(recorded[clip.name].used for clip in scored_clips)
        made_from = (result.fingerprint, [file.model_dump() for file in used], known and known.sha256)
        result = without_figures(
            result,
            variant,
            ELSEWHERE,
            **scored.scores.sections,
            program=known,
            program_in_doubt=doubt,
            recorded=used,
            fingerprint=canonical_sha256(*made_from),
            seconds=timer.seconds,
        )
        if known is None:
            result = result.replace(null_reasons={**result.null_reasons, "program": _NO_PROGRAM})
        result = judge(result, variant)
        archived = recovered, commit_result(result, variant, folder)
    return RunOutcome(folder, result, Reused.NOTHING, archived=tuple(path for path in archived if path is not None))


def _read_known_program(program: Path, variant: PreparedVariant) -> tuple[ProgramFile, str]:
    """Returns the notes that `build` left beside a program. They list its operators, which the file does not.

    The second value says why the program may be another recipe's, "" if it is this one's.
    """
    check_programs([program])
    try:
        notes = json.loads(program.with_name(NOTES_NAME).read_bytes())
        known, fingerprint = ProgramFile.model_validate(notes["program"]), notes["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ProgramError(
            f"{program}: no {NOTES_NAME} beside it; name the program where `build` or `run` left it"
        ) from None
    if sha256_of(program) != known.sha256 or not known.is_intact_in(program.parent):
        raise ProgramError(f"{program}: not the program that {NOTES_NAME} describes; name the one that ran")
    _check_recipe(variant, program, known)
    return known, "" if fingerprint == variant.program_fingerprint else _PROGRAM_MISMATCH


def _check_recipe(variant: PreparedVariant, program: Path, known: ProgramFile) -> None:
    """Raises ProgramError if a program is not what the variant's recipe describes, whatever it was built from."""
    recipe = variant.recipe
    expected: dict[str, object] = {"file": file_name_for(recipe.lowering.backend)}
    found: dict[str, object] = {"file": known.path}
    if not recipe.quantization.everywhere:  # which has no schemes of single layers
        for values, schemes in ((expected, recipe.quantization.parts), (found, known.schemes)):
            values["precision"] = "float" if {"none"}.issuperset(schemes.values()) else "int8"
    if expected == found:
        with IsolatedProcess(OPEN_LIMIT_S) as child:
            metadata = child.call(read_metadata, program)
        found |= {"scope": metadata.scope, **metadata.entries()}
        expected |= {"scope": variant.model.scope, **metadata_of(variant.model)}
        expected.pop("host_sha256", None)  # its last bits depend on the machine, as the program's do
    differences = [
        f"{key} is {found.get(key)}, expected {value}" for key, value in expected.items() if found.get(key) != value
    ]
    if differences:
        raise ProgramError(
            f"{program}: not a program of {recipe.name} ({', '.join(differences)}); name the one that gave the frames"
        )
