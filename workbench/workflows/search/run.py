"""A search from its space to its record: trials until there are enough, then the winner on the scoring clips."""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import ProgramCrashError, WorkerKilledError
from workbench.progress import Progress
from workbench.records.search.trials import Search
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.locks import exclusive
from workbench.workflows.search.evaluate import ProgramEvaluator
from workbench.workflows.search.finish import finish
from workbench.workflows.search.space import Space, load_space
from workbench.workflows.search.storage import file_storage
from workbench.workflows.search.study import Study
from workbench.workflows.search.trial_variant import check_space


def search(
    space: Space,
    catalog: ClipCatalog,
    folder: Path,
    storage: str | None,
    progress: Progress,
    store: Path | None,
    baselines: Path | None,
    jobs: int = 1,
) -> Search:
    """Runs trials until the study has as many as the space says, then finishes it.

    Several processes may call it with the same storage. Each returns the record when no trial is left.

    Args:
        space: The space.
        catalog: The clips that recipes can name.
        folder: The folder of the programs, the recipes and the record.
        storage: The URL of a database; by default a SQLite file in the folder.
        progress: Receives the stages.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames of all runs.
        jobs: How many trials run at the same time; all but one of them in child processes.

    Raises:
        RecipeError: A pattern of the space matches no layer, or its programs cannot be timed.
        NativeHostError: Trials have to be timed, and there is no native host.
        AudioError: There are no calibration clips.
        WorkbenchError: The storage cannot be used, or has a study of another space.
    """
    check_space(space)
    if storage is None:
        folder.mkdir(parents=True, exist_ok=True)
        storage = file_storage(folder)
    study = Study(space, storage)
    work = functools.partial(_take_trials, space.path, catalog.root, folder, storage, store, baselines)
    with _workers(jobs - 1, work):
        evaluate = ProgramEvaluator(space, catalog, folder, progress, store, baselines)
        study.run(evaluate, progress)
    with exclusive(folder, wait=True), evaluate.machine.write_lock():
        return finish(space, study.trials(), study.importance(), folder, catalog, progress, store, baselines)


@contextmanager
def _workers(count: int, work: Callable[[], None]) -> Iterator[None]:
    """Works in child processes too while the block runs, and then waits. A child that dies loses only its trial."""
    with ExitStack() as stack, ThreadPoolExecutor(max(1, count)) as threads:
        children = [stack.enter_context(IsolatedProcess()) for _ in range(count)]
        working = [threads.submit(child.call, work) for child in children]
        try:
            yield
        except BaseException:
            for child in children:
                child.kill()
            raise
        for each in working:
            with suppress(WorkerKilledError, ProgramCrashError):
                each.result()


def _take_trials(
    space: Path, clips: Path, folder: Path, storage: str, store: Path | None, baselines: Path | None
) -> None:
    catalog, progress = ClipCatalog(clips), Progress()
    loaded = load_space(space, catalog)
    Study(loaded, storage).run(ProgramEvaluator(loaded, catalog, folder, progress, store, baselines), progress)
