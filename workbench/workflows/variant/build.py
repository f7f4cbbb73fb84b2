"""From a job to its program: quantized where asked, lowered, stored, and run once in a process of its own."""

import functools
from contextlib import suppress
from pathlib import Path

import torch

from workbench.errors import NotInstalledError, ProgramError, WorkbenchError
from workbench.export.backends import EXPORTERS, file_name_for
from workbench.export.exporter import ExportInputs
from workbench.export.host_frontend import host_file
from workbench.export.program_cache import NOTES_NAME, cache_dir, find_program, store_program, write_program_notes
from workbench.export.program_file import FILE_NAMES, HOST_NAME, ProgramFile, describe, with_host_file
from workbench.measure.speed import ColdStart
from workbench.measure.timing import cold_start
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.result import RESULT_NAME
from workbench.records.staging import recover, remove, staging_dir
from workbench.runtime.executorch import missing_backends
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import import_runtime, open_program
from workbench.storage.atomic import write_atomic
from workbench.workflows.variant.prepare import PreparedVariant

_OF_A_PROGRAM = (*FILE_NAMES, NOTES_NAME)


def check_no_result_replaced(folder: Path, job: PreparedVariant | None = None, fresh: bool = False) -> None:
    """Raise WorkbenchError where the folder has a record whose program another would replace: the job's, made `fresh`
    or from other things than the one that is there; or one without a job.

    For who is alone in the folder: what a killed run had finished there moves in first.
    """
    recover(folder)
    anew = fresh or job is None or find_program(folder, job.program_fingerprint) is None
    if anew and (folder / RESULT_NAME).exists():
        raise WorkbenchError(f"{folder}: has a record, whose program would be replaced; name another --out")


def build(
    job: PreparedVariant, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> tuple[ProgramFile, ColdStart | str, bool]:
    """`build_aside`, moved into `folder` once it is done: until then, and where it fails, the earlier program stays.

    For who is alone in the folder. Raises as `build_aside`.
    """
    if not fresh and find_program(folder, job.program_fingerprint):
        return build_in_staging(job, folder, progress, store=store)  # it stays where it is: it may be a record's
    place = staging_dir(folder)
    try:
        program, start, reused = build_in_staging(job, place, progress, fresh, store)
        remove(folder, _OF_A_PROGRAM)  # first: a kill leaves too few files, never some of each program
        for name in (*program.files, NOTES_NAME):
            (place / name).replace(folder / name)
    except ProgramError as error:
        raise ProgramError(str(error).replace(str(place), str(folder))) from error
    finally:
        remove(place, _OF_A_PROGRAM)
        with suppress(OSError):  # where a killed run left its scores
            place.rmdir()
    return program, start, reused


def build_in_staging(
    job: PreparedVariant,
    folder: Path,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
    earlier: Path | None = None,
) -> tuple[ProgramFile, ColdStart | str, bool]:
    """Make the program's file in `folder`, then load and run it in a process of its own: only then does it count.

    Unless `fresh`, a program that was made from the same things is used again: of this folder, of the folder `earlier`,
    or of the store. Returns what is in it, its cold start (or why it cannot run here, and where it can: then it was not
    loaded), and whether it was made before. Raises LoweringError where it cannot be lowered, ProgramError where it does
    not load or run; it is removed then, unless it was in this folder before, where it may be a record's. Raises
    WorkbenchError where what it is made from changed meanwhile.
    """
    path, fingerprint = folder / file_name_for(job.recipe.lowering.backend), job.program_fingerprint
    progress.report("lower", 0, 1)
    there = None if fresh else find_program(folder, fingerprint)
    places = [*([earlier] if earlier else []), *([cache_dir(store, fingerprint)] if store else [])]
    found = None if fresh else there or next(filter(None, (find_program(place, fingerprint) for place in places)), None)
    if found is None:
        program = _export(job, path, progress)
    else:
        program, contents = found
        for name, content in contents.items() if not there else ():
            write_atomic(folder / name, content)
    progress.report("lower", 1, 1)
    try:
        start: ColdStart | str = unsupported_reason(program, job.recipe) or trial_run(path, job.recipe.speed.threads)
    except ProgramError:
        if not there:
            remove(folder, (*program.files, NOTES_NAME))
        raise
    job.check_unchanged()
    write_program_notes(folder, fingerprint, program)
    if store:
        store_program(store, fingerprint, folder, fresh=fresh)
    return program, start, found is not None


def build_to_run(
    job: PreparedVariant, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> ProgramFile:
    """`build`, for who runs the program next. Raises ProgramError also where it cannot run here; then it stays."""
    program, start, _ = build(job, folder, progress, fresh, store)
    if isinstance(start, str):
        raise ProgramError(f"{folder / program.path}: {start}")
    return program


def trial_run(program: Path, threads: int) -> ColdStart:
    """Load a program in a process of its own and run it once. Raises ProgramError where it does not."""
    with IsolatedProcess() as child:
        child.call(import_runtime, program)
        return child.call(cold_start, functools.partial(open_program, program), threads)


def export_inputs(variant: PreparedVariant) -> ExportInputs:
    """Returns what the variant's program is made from."""
    recipe = variant.recipe
    return ExportInputs(
        model=variant.model,
        load_upstream=lambda: variant.baseline.session(streams=variant.stream.streams).model,
        rules=recipe.quantization,
        clips=[torch.tensor(clip.samples) for clip in variant.calibration_clips],
        voiced_confidence=recipe.scoring.voiced_confidence,
        confidence_threshold=recipe.postprocess.confidence_threshold,
    )


def _export(variant: PreparedVariant, path: Path, progress: Progress) -> ProgramFile:
    """Exports the variant's program to `path`, with the host's file beside it if the program needs one.

    Raises NotInstalledError if an optional package of the backend is missing, LoweringError if the export fails.
    """
    recipe = variant.recipe
    exporter = EXPORTERS[recipe.lowering.backend]
    hint = exporter.extra.missing_hint()
    if hint:
        raise NotInstalledError(hint)
    torch.set_num_threads(recipe.speed.threads)  # or the last bits of a range would depend on the machine's load
    host = host_file(variant.model) if recipe.lowering.scope == "network" else b""
    exported = exporter.export(export_inputs(variant), progress)
    program = describe(exported, path.name, recipe.state)
    if host:
        program = with_host_file(program, HOST_NAME, host)
        write_atomic(path.with_name(HOST_NAME), host)
    write_atomic(path, exported.content)
    return program


def unsupported_reason(program: ProgramFile, recipe: Recipe) -> str:
    """Why this machine cannot run a program, and the command that runs it where it can; "" where this one can."""
    backends = {delegate.backend for delegate in program.delegates} - {"XnnpackBackend"}  # which every runtime has
    if not backends:
        return ""
    with IsolatedProcess() as child:
        absent = child.call(missing_backends, sorted(backends))
    if not absent:
        return ""
    variant = f" --variant {recipe.name}" if recipe.name != recipe.source.stem else ""
    source = recipe.source.name if recipe.source.is_absolute() else recipe.source.as_posix()
    instructions = EXPORTERS[recipe.lowering.backend].run_instructions.format(recipe=source, variant=variant)
    return f"not run here: this runtime has no {' or '.join(absent)}; {instructions}"
