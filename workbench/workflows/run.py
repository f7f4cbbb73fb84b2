"""Variants from recipes to results, timed one by one; one that cannot be measured does not stop the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import ChangedError, CheckpointError, WorkbenchError, is_out_of_memory
from workbench.progress import ShowProgress
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult, run_in
from workbench.report.html.page import PAGE_NAME, write_report
from workbench.workflows.jobs.variants import Caches, score_on_workers
from workbench.workflows.jobs.workers import Workers
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.run import RunOutcome, run_variant


@dataclass(frozen=True)
class RunFailure:
    """A variant that could not be measured, and why."""

    name: str
    error: Exception


def run_variants(
    variants: Sequence[PreparedVariant],
    folder: Path,
    show_progress: ShowProgress,
    fresh: bool = False,
    store: Path | None = None,
    baselines: Path | None = None,
    workers: Workers | None = None,
) -> Iterator[RunOutcome | RunFailure]:
    """Runs each variant in a folder below `folder` that has its name, and yields what came out.

    Args:
        variants: The variants, with their clips. Those of one stream share the baseline's frames.
        folder: The folder of the run.
        show_progress: Called with a title for each variant.
        fresh: Reuses nothing.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames of all runs.
        workers: Build and score variants at the same time. They are timed afterwards, one by one, in this process.

    Raises:
        ChangedError: A checkpoint or the source changed during the run, so no further variant would be right.
        CheckpointError: A checkpoint is gone.
        OSError: The disk is full.
    """
    cache = BaselineCache(baselines, fresh, workers)
    ahead = score_on_workers(variants, folder, workers, show_progress, fresh, Caches(store, baselines))
    for number, variant in enumerate(variants, start=1):
        outcome: RunOutcome | RunFailure
        try:
            with show_progress(f"{variant.name} ({number} of {len(variants)})") as progress:
                before = ahead.get(variant.name)
                outcome = run_variant(variant, folder / variant.name, progress, cache, fresh, store, before)
        except Exception as error:
            if not _concerns_one_variant(error):
                raise
            outcome = RunFailure(variant.name, error)
        yield outcome


def _concerns_one_variant(error: Exception) -> bool:
    """Whether the error concerns one variant: not if shared inputs changed, if the disk is full, or for a bug."""
    if isinstance(error, ChangedError | CheckpointError):
        return False
    return isinstance(error, WorkbenchError) or is_out_of_memory(error)


@dataclass(frozen=True)
class RunReport:
    """The page of a run. `left_out` has a line for each result that it cannot show, with the reason."""

    page: Path
    left_out: tuple[str, ...] = ()


def write_run_report(folder: Path, results: Sequence[tuple[Result, Path]], catalog: ClipCatalog) -> RunReport:
    """Writes the page of a run's folder: these results with their folders first, then the others that are there."""
    run = run_in(folder)
    own = [StoredResult(result, variant_folder, folder.resolve().name) for result, variant_folder in results]
    own_folders = {stored.folder for stored in own}
    others = [stored for stored in run.results if stored.folder not in own_folders]
    page, left_out = folder / PAGE_NAME, list(run.unreadable)
    try:
        write_report([*own, *others], page, catalog)
    except WorkbenchError as error:
        if not others:
            raise
        left_out.append(f"the earlier results in {folder}: {error}")
        write_report(own, page, catalog)
    return RunReport(page, tuple(left_out))
