"""PESTO's sides of a comparison with other trackers: eager, upstream's graph in ONNX Runtime, and programs."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.workflows.bench.build import BuiltContenders, build_contenders
from workbench.workflows.bench.contenders import ONNX, collect_contenders


def build_pesto(
    recipes: Sequence[Recipe],
    programs: Sequence[Path],
    reference: Recipe,
    catalog: ClipCatalog,
    folder: Path,
    progress: Progress,
    store: Path | None,
) -> BuiltContenders:
    """Builds the programs of recipes, and upstream's graph in ONNX Runtime. Eager is always among the contenders.

    pesto-pitch on PyPI has no ONNX export; the scripts in upstream's repository export this same graph, with the
    buffer as input and output.

    Args:
        recipes: The recipes to build.
        programs: Existing programs.
        reference: The recipe of upstream's graph.
        catalog: The clips for calibration.
        folder: The folder of the programs.
        progress: Receives the stages.
        store: The cache of programs of all runs.

    Raises:
        WorkbenchError: As `collect_contenders` and `build_contenders` raise it.
    """
    setup = collect_contenders(recipes, programs, reference, progress).with_clips(catalog, None, progress)
    names = {ONNX, *(recipe.name for recipe in recipes), *setup.programs}
    return build_contenders(setup, folder, progress, store=store, only=names)
