"""Variants that workers build and score at the same time. They are timed afterwards, in this process."""

import functools
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.progress import ShowProgress
from workbench.records.unfinished.staging import recover, staging_dir
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive
from workbench.workflows.folders import baseline_store, program_store
from workbench.workflows.jobs.workers import Workers, results_of
from workbench.workflows.variant.build_and_score import Ahead, score_ahead
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.run import find_result


@dataclass(frozen=True)
class Caches:
    """The caches of programs and of the baseline's frames that a task uses."""

    programs: Path | None
    baselines: Path | None


@dataclass(frozen=True)
class ScoredFiles:
    """What a task leaves: its files by their path in the variant's folder."""

    ahead: Ahead
    files: dict[str, bytes]


def score_on_workers(
    variants: Sequence[PreparedVariant],
    folder: Path,
    workers: Workers | None,
    show_progress: ShowProgress,
    fresh: bool,
    caches: Caches,
) -> dict[str, Ahead]:
    """Builds and scores the variants that have no result yet, each in a folder below `folder` that has its name.

    A variant is left out if its worker dies or raises another error: `run_variant` does it again and says what is
    wrong. So is one that cannot be built on another machine, which may lack a package or a kernel. One variant by
    itself is left out too: the workers share its baseline.

    Returns:
        By its name, what was done for each variant.
    """
    missing = [each for each in variants if fresh or find_result(folder / each.name, each) is None]
    if workers is None or len(missing) < 2:
        return {}
    own = caches if workers.share_caches else None
    tasks = {each.name: functools.partial(_score, workers, each, folder / each.name, fresh, own) for each in missing}
    scored = {}
    with (
        show_progress(f"{len(missing)} variants, {workers.count} at a time") as progress,
        progress.stage("build and score", len(missing)) as advance,
    ):
        for name, found in results_of(workers, tasks):
            if isinstance(found, ScoredFiles) and (found.ahead.error is None or workers.share_caches):
                _store(found, folder / name, fresh)
                scored[name] = found.ahead
            advance(1)
    return scored


def _score(workers: Workers, variant: PreparedVariant, folder: Path, fresh: bool, caches: Caches | None) -> ScoredFiles:
    return workers.call(score_in_worker, pickle.dumps(variant), folder, fresh, caches)


def score_in_worker(variant: bytes, shown_folder: Path, fresh: bool, caches: Caches | None) -> ScoredFiles:
    """Builds and scores a pickled variant in this process, as `score_ahead` does.

    `caches` are those to use; None means those of this machine.
    """
    caches = caches or Caches(program_store(), baseline_store())
    with tempfile.TemporaryDirectory(prefix="workbench-") as temporary:
        folder = Path(temporary) / "variant"
        ahead = score_ahead(variant, folder, shown_folder, fresh, caches.programs, caches.baselines)
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return ScoredFiles(ahead, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def _store(scored: ScoredFiles, folder: Path, fresh: bool) -> None:
    """Writes the files of a variant to its folder, so that `run_variant` goes on there."""
    try:
        with exclusive(folder):
            recover(folder)
            if fresh:
                shutil.rmtree(staging_dir(folder), ignore_errors=True)
            for name, content in scored.files.items():
                write_atomic(folder / name, content)
    except WorkbenchError:  # another process uses the folder: `run_variant` says so
        return
