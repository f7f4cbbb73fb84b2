"""A search from its space to its record: trials until there are enough, then the winner on the scoring clips."""

from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.progress import Progress
from workbench.records.search.trials import Search
from workbench.storage.locks import exclusive
from workbench.workflows.search.evaluate import ProgramEvaluator, check_layers
from workbench.workflows.search.finish import finish
from workbench.workflows.search.space import Space
from workbench.workflows.search.storage import file_storage
from workbench.workflows.search.study import Study


def search(
    space: Space,
    catalog: ClipCatalog,
    folder: Path,
    storage: str | None,
    progress: Progress,
    store: Path | None,
    baselines: Path | None,
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

    Raises:
        RecipeError: A pattern of the space matches no layer.
        AudioError: There are no calibration clips.
        WorkbenchError: The storage cannot be used, or has a study of another space.
    """
    check_layers(space)
    if storage is None:
        folder.mkdir(parents=True, exist_ok=True)
        storage = file_storage(folder)
    study = Study(space, storage)
    study.run(ProgramEvaluator(space, catalog, folder, progress, store, baselines), progress)
    with exclusive(folder, wait=True):
        return finish(space, study.trials(), study.importance(), folder, catalog, progress, store, baselines)
