"""A search from its space to its record: trials until there are enough, the final, the winner on the scoring clips."""

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.progress import Progress
from workbench.records.search.trials import Search
from workbench.storage.locks import exclusive
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.jobs.workers import Workers
from workbench.workflows.search.evaluate import ProgramEvaluator
from workbench.workflows.search.finish import finish
from workbench.workflows.search.score_trial import timing_lock
from workbench.workflows.search.space import Space
from workbench.workflows.search.storage import file_storage
from workbench.workflows.search.study import Study
from workbench.workflows.search.trial_variant import check_space
from workbench.workflows.variant.prepare import load_clips, prepare


def search(
    space: Space,
    catalog: ClipCatalog,
    folder: Path,
    storage: str | None,
    progress: Progress,
    caches: Caches,
    workers: Workers | None = None,
) -> Search:
    """Runs trials until the study has as many as the space says, then finishes it.

    Several processes may call it with the same storage. Each returns the record when no trial is left.

    Args:
        space: The space.
        catalog: The clips that recipes can name.
        folder: The folder of the programs, the recipes and the record.
        storage: The URL of a database; by default a SQLite file in the folder.
        progress: Receives the stages.
        caches: The caches of all runs.
        workers: Score as many trials at the same time. Each is timed in this process.

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
    (base,) = load_clips([prepare(space.base)], catalog, None, progress)
    evaluate = ProgramEvaluator(base, space, folder, caches, progress, workers)
    if workers is None:
        study.run(evaluate, progress)
    else:
        _run_in_threads([study, *(Study(space, storage) for _ in range(workers.count - 1))], evaluate, progress)
    with exclusive(folder, wait=True), timing_lock(caches).write_lock():
        return finish(study, base, folder, catalog, progress, caches)


def _run_in_threads(studies: list[Study], evaluate: ProgramEvaluator, progress: Progress) -> None:
    """Runs a study in several threads, each of which waits for a worker. The first one reports the progress."""
    with ThreadPoolExecutor(len(studies)) as threads:
        shown = [progress, *(Progress() for _ in studies[1:])]
        running = [threads.submit(study.run, evaluate, each) for study, each in zip(studies, shown, strict=True)]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
        except BaseException:
            evaluate.end()
            raise
