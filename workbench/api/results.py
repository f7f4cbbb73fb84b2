"""Results: measured, read and compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.api._inputs import open_clips, prepare_again
from workbench.progress import Progress

if TYPE_CHECKING:
    from workbench.audit.comparison import Comparison
    from workbench.recipe import Recipe
    from workbench.records.result import Result
    from workbench.workflows.variant.run import RunOutcome


def run(
    recipe: "Recipe",
    folder: str | Path,
    *,
    audio: str | Path | None = None,
    calib_audio: str | Path | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> "RunOutcome":
    """Builds, scores and times a recipe against eager upstream PESTO, as `workbench run` does.

    The folder of the variant, `folder/<name of the recipe>/`, receives `result.json`, the program, the frames of both
    sides and pictures. `folder/report.html` shows all results in the folder. The same call again reuses what is there.

    Args:
        recipe: The recipe, from `load_recipe`.
        folder: The folder of the run.
        audio: A file or a folder to score in place of the clips that the recipe names.
        calib_audio: As in `load_recipe`.
        fresh: Reuses nothing.
        progress: Receives the stages; nothing is printed by default.

    Returns:
        The outcome: `result` has every number, `folder` is the variant's folder, `program` is the path of the program.

    Raises:
        RecipeError: The recipe is not valid.
        AudioError: A clip cannot be used.
        WorkbenchError: Another process uses the folder.
        OSError: The disk is full.

    Example:
        >>> outcome = workbench.run(recipe, "outputs/mine")
        >>> outcome.result.deviation.pitch.p95_cents < 0.01
        True
        >>> outcome.program
        PosixPath('outputs/mine/float-xnnpack/program.pte')
    """
    from workbench.workflows.folders import baseline_store, program_store
    from workbench.workflows.run import write_run_report
    from workbench.workflows.variant.baseline import BaselineCache
    from workbench.workflows.variant.prepare import load_clips
    from workbench.workflows.variant.run import run_variant

    catalog, progress, folder = open_clips(calib_audio), progress or Progress(), Path(folder)
    scored = None if audio is None else Path(audio)
    (prepared,) = load_clips([prepare_again(recipe, catalog)], catalog, scored, progress)
    cache = BaselineCache(baseline_store(), fresh)
    outcome = run_variant(prepared, folder / recipe.name, progress, cache, fresh, program_store())
    write_run_report(folder, [(outcome.result, outcome.folder)], catalog)
    return outcome


def score(
    recipe: "Recipe",
    frames: Sequence[str | Path],
    folder: str | Path,
    *,
    program: str | Path | None = None,
    audio: str | Path | None = None,
    calib_audio: str | Path | None = None,
    progress: Progress | None = None,
) -> "RunOutcome":
    """Scores frames that a program returned on another device, such as a phone, as `workbench score` does.

    Args:
        recipe: The recipe of the program.
        frames: Files of frames (`.csv`, or `.npz` from a run), or folders of them. A file has the name of its clip.
        folder: The folder of the run.
        program: The program that returned the frames, where `build` or `run` left it.
        audio: A file or a folder to score in place of the clips that the recipe names.
        calib_audio: As in `load_recipe`.
        progress: Receives the stages; nothing is printed by default.

    Returns:
        The outcome, as of `run`. The result has no times.

    Raises:
        RecipeError: The recipe is not valid, or its protocol is not `continuous`.
        AudioError: A clip cannot be used.
        ProgramError: The program is unknown, or is not the recipe's.
        WorkbenchError: The frames are not those of the clips.

    Example:
        >>> recorded = workbench.score(recipe, [outcome.folder / "frames"], "outputs/from-the-phone")
        >>> recorded.result.speed is None
        True
    """
    from workbench.workflows.external.score import check, score_external_frames
    from workbench.workflows.folders import baseline_store
    from workbench.workflows.run import write_run_report
    from workbench.workflows.variant.prepare import load_clips

    catalog, progress = open_clips(calib_audio), progress or Progress()
    prepared = prepare_again(recipe, catalog)
    check(prepared.recipe)
    scored = None if audio is None else Path(audio)
    (prepared,) = load_clips([prepared], catalog, scored, progress)
    ran = None if program is None else Path(program)
    paths = [Path(path) for path in frames]
    outcome = score_external_frames(prepared, paths, Path(folder) / recipe.name, progress, ran, baseline_store())
    write_run_report(Path(folder), [(outcome.result, outcome.folder)], catalog)
    return outcome


def load_result(path: str | Path) -> "Result":
    """Reads the result of a variant.

    Args:
        path: A `result.json`, or the folder of a variant.

    Raises:
        WorkbenchError: The file is missing, cannot be read, or is no result.

    Example:
        >>> result = workbench.load_result("outputs/mine/float-xnnpack")
        >>> result.deviation.pitch.p95_cents == outcome.result.deviation.pitch.p95_cents
        True
    """
    from workbench.records.result import RESULT_NAME, read_result

    path = Path(path)
    return read_result(path / RESULT_NAME if path.is_dir() else path)


def compare(before: str | Path, after: str | Path, tolerances: Mapping[str, float | str] | None = None) -> "Comparison":
    """Compares a run with a reference, as `workbench compare` does.

    Args:
        before: The reference: the folder of a run or a variant, or a result file.
        after: What is compared with it.
        tolerances: By the name of a metric, how much worse it may get: an amount, or a share such as `"10%"`.

    Returns:
        The comparison. Its `verdict` is `"fail"` if a metric regressed.

    Raises:
        WorkbenchError: A place has no result, or a tolerance names no metric.

    Example:
        >>> workbench.compare("outputs/mine", "outputs/mine").verdict
        'pass'
    """
    from workbench.audit.compare import compare as compare_results
    from workbench.audit.tolerances import parse_tolerances
    from workbench.records.run_folders import find_results

    overrides = [f"{metric}={value}" for metric, value in (tolerances or {}).items()]
    return compare_results(find_results([Path(before)]), find_results([Path(after)]), parse_tolerances(overrides))
