"""From a prepared variant to its program: exported, stored, and run once in a child process before it counts."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from workbench.errors import LoweringError, NotInstalledError, ProgramError, WorkbenchError
from workbench.export.backends import EXPORTERS, file_name_for
from workbench.export.exporter import ExportInputs
from workbench.export.host_frontend import host_file
from workbench.export.program_cache import NOTES_NAME, cache_dir, find_program, store_program, write_program_notes
from workbench.export.program_file import FILE_NAMES, HOST_NAME, ProgramFile, describe, with_host_file
from workbench.export.toolchain.log import LOG_NAME, ToolchainLog
from workbench.measure.timing import cold_start
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.records.result import RESULT_NAME
from workbench.records.unfinished.staging import recover, remove, staging_dir
from workbench.runtime.executorch import missing_backends
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import import_runtime, open_program
from workbench.storage.atomic import write_atomic
from workbench.workflows.variant.prepare import PreparedVariant

_PROGRAM_FILES = (*FILE_NAMES, NOTES_NAME)


@dataclass(frozen=True)
class Built:
    """A program that was built or found, and what its first run showed.

    Either `load_ms` is there, or `unsupported_reason` says why this machine cannot run the program, and where it can
    run. `reused`: the program was not exported again.
    """

    program: ProgramFile
    load_ms: float | None
    unsupported_reason: str
    reused: bool


@dataclass(frozen=True)
class _Reusable:
    """A program of the right fingerprint, the folder that it is in, and the content of its files by name."""

    folder: Path
    program: ProgramFile
    contents: dict[str, bytes]


def check_no_result_replaced(folder: Path, variant: PreparedVariant | None = None, fresh: bool = False) -> None:
    """Raises WorkbenchError if the folder has a result whose program a build would replace.

    The caller has the folder's lock. What a killed run had finished there is moved in first.

    Args:
        folder: The folder to build in.
        variant: The variant to build. None for a program that belongs to no variant.
        fresh: Whether the program is built again even if it is there.
    """
    recover(folder)
    keeps_program = not fresh and variant is not None and find_program(folder, variant.program_fingerprint) is not None
    if not keeps_program and (folder / RESULT_NAME).exists():
        raise WorkbenchError(f"{folder}: has a result, whose program would be replaced; choose another --out")


def build(
    variant: PreparedVariant, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> Built:
    """Builds a variant's program in a folder. Until it has run once, and if it fails, the earlier program stays.

    The caller has the folder's lock.

    Args:
        variant: The variant, with its calibration clips if it is quantized.
        folder: The folder to build in.
        progress: Receives the stages.
        fresh: Exports the program even if it is cached.
        store: The cache of programs of all runs.

    Raises:
        LoweringError: The program cannot be exported.
        ProgramError: It does not load or run.
        ChangedError: The checkpoint or the source changed since the variant was prepared.
    """
    if not fresh and find_program(folder, variant.program_fingerprint):
        return _build_in(folder, variant, folder, progress, fresh, store)  # it stays in place: it may be a result's
    staging = staging_dir(folder)
    try:
        built = _build_in(staging, variant, folder, progress, fresh, store)
        remove(folder, _PROGRAM_FILES)  # first: after a kill files are missing, but never of two programs
        for name in (*built.program.files, NOTES_NAME):
            (staging / name).replace(folder / name)
    finally:
        remove(staging, _PROGRAM_FILES)
        with suppress(OSError):  # not empty if a killed run left its scores
            staging.rmdir()
    return built


def build_in_staging(
    variant: PreparedVariant, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> Built:
    """Builds a variant's program in the staging folder of `folder`, as `build` does, and leaves it there.

    Unless `fresh`, a program of the same fingerprint is reused: from the staging folder, from `folder`, or the store.
    """
    return _build_in(staging_dir(folder), variant, folder, progress, fresh, store)


def build_to_run(
    variant: PreparedVariant, folder: Path, progress: Progress, fresh: bool = False, store: Path | None = None
) -> ProgramFile:
    """Builds a program that runs next, as `build` does. Raises ProgramError also if this machine cannot run it."""
    built = build(variant, folder, progress, fresh, store)
    if built.unsupported_reason:
        raise ProgramError(f"{folder / built.program.path}: {built.unsupported_reason}")
    return built.program


def _build_in(
    target: Path, variant: PreparedVariant, folder: Path, progress: Progress, fresh: bool, store: Path | None
) -> Built:
    """Builds in `target`; `folder` is the folder that the user knows. A program that fails its first run is removed."""
    path, fingerprint = target / file_name_for(variant.recipe.lowering.backend), variant.program_fingerprint
    places = [target, folder]
    if store is not None:
        places.append(cache_dir(store, fingerprint))
    with progress.stage("lower"):
        reusable = None if fresh else find_reusable(places, fingerprint)
        program = reusable.program if reusable else _export(variant, path, folder / LOG_NAME, progress)
        is_in_place = reusable is not None and reusable.folder == target
        if reusable is not None and not is_in_place:
            for name, content in reusable.contents.items():
                write_atomic(target / name, content)
    load_ms = None
    try:
        with errors_name_folder(target, folder):
            unsupported = unsupported_reason(program, variant.recipe)
            if not unsupported:
                load_ms = trial_run(path, variant.recipe.speed.threads)
    except ProgramError:
        if not is_in_place:
            remove(target, (*program.files, NOTES_NAME))
        raise
    variant.check_unchanged()
    write_program_notes(target, fingerprint, program)
    if store is not None:
        store_program(store, fingerprint, target, fresh=fresh)
    return Built(program, load_ms, unsupported, reused=reusable is not None)


def find_reusable(folders: Sequence[Path], fingerprint: str) -> _Reusable | None:
    """Returns the program of this fingerprint in the first folder that has it undamaged."""
    for folder in folders:
        found = find_program(folder, fingerprint)
        if found is not None:
            return _Reusable(folder, *found)
    return None


@contextmanager
def errors_name_folder(staging: Path, folder: Path) -> Iterator[None]:
    """Puts the folder that the user knows in place of the staging folder in the text of an error."""
    try:
        yield
    except (LoweringError, ProgramError) as error:
        error.args = (str(error).replace(str(staging), str(folder)),)
        raise


def trial_run(program: Path, threads: int) -> float:
    """Loads a program in a child process and runs it once. Raises ProgramError if it does not run.

    Returns:
        The time to load it in milliseconds.
    """
    with IsolatedProcess(copied=True) as child:
        child.call(import_runtime, program)
        return child.call(cold_start, functools.partial(open_program, program), threads).load_ms


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
        initial_state=recipe.lowering.initial_state,
        segment_alignment=recipe.lowering.segment_alignment,
    )


def _export(variant: PreparedVariant, path: Path, log: Path, progress: Progress) -> ProgramFile:
    """Exports the variant's program to `path`, with the host's file beside it if the program needs one.

    What the toolchain prints goes to the file `log`.

    Raises NotInstalledError if an optional package of the backend is missing, LoweringError if the export fails.
    """
    recipe = variant.recipe
    exporter = EXPORTERS[recipe.lowering.backend]
    hint = exporter.extra.missing_hint()
    if hint:
        raise NotInstalledError(hint)
    torch.set_num_threads(recipe.speed.threads)  # or the last bits of a range would depend on the machine's load
    host = host_file(variant.model) if recipe.lowering.scope == "network" else b""
    log.unlink(missing_ok=True)
    with ToolchainLog(log) as output:
        exported = exporter.export(export_inputs(variant), output.showing(progress))
    program = describe(exported, path.name, recipe.state)
    if host:
        program = with_host_file(program, HOST_NAME, host)
        write_atomic(path.with_name(HOST_NAME), host)
    write_atomic(path, exported.content)
    return program


def unsupported_reason(program: ProgramFile, recipe: Recipe) -> str:
    """Returns why this machine cannot run a program, and the command that runs it elsewhere. "" if it can run here."""
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
