"""The files of commands other than `run`: the result as JSON, and its picture.

Each function returns the new path of an earlier result with other content, or None if there was none.
"""

from collections.abc import Callable
from pathlib import Path

from workbench.records.bench import BENCH_NAME, BENCH_PLOT_NAME, Bench
from workbench.records.profile import PROFILE_NAME, PROFILE_PLOT_NAME, Profile
from workbench.records.rivals import RIVALS_NAME, RIVALS_PLOT_NAME, Rivals
from workbench.records.robustness import ROBUSTNESS_NAME, ROBUSTNESS_PLOT_NAME, Robustness
from workbench.records.search.sensitivity import SENSITIVITY_NAME, SENSITIVITY_PLOT_NAME, Sensitivity
from workbench.records.search.trials import SEARCH_NAME, SEARCH_PAGE_NAME, SEARCH_PLOT_NAME, Search
from workbench.records.soak import SOAK_NAME, SOAK_PLOT_NAME, Soak
from workbench.records.sweep import SWEEP_NAME, SWEEP_PLOT_NAME, Sweep
from workbench.records.training import TRAINING_NAME, TRAINING_PLOT_NAME, Training
from workbench.report.html.search import search_html
from workbench.report.plots.bench import bench_png
from workbench.report.plots.profile import profile_png
from workbench.report.plots.rivals import rivals_png
from workbench.report.plots.robustness import robustness_png
from workbench.report.plots.search import search_png
from workbench.report.plots.sensitivity import sensitivity_png
from workbench.report.plots.soak import soak_png
from workbench.report.plots.sweep import sweep_png
from workbench.report.training.plot import training_png
from workbench.storage.atomic import write_atomic
from workbench.storage.json_files import replace_json, write_json


def store_bench(bench: Bench, folder: Path) -> Path | None:
    """Writes `bench.json` and `bench.png`."""
    archived = replace_json(bench, folder / BENCH_NAME)
    write_atomic(folder / BENCH_PLOT_NAME, bench_png(bench))
    return archived


def store_profile(profile: Profile, folder: Path) -> Path | None:
    """Writes `profile.json` and `profile.png`."""
    archived = replace_json(profile, folder / PROFILE_NAME)
    write_atomic(folder / PROFILE_PLOT_NAME, profile_png(profile))
    return archived


def store_search(search: Search, folder: Path) -> Path | None:
    """Writes `search.json`, `search.png` and `search.html`."""
    archived = replace_json(search, folder / SEARCH_NAME)
    write_atomic(folder / SEARCH_PLOT_NAME, search_png(search))
    write_atomic(folder / SEARCH_PAGE_NAME, search_html(search).encode())
    return archived


def store_sensitivity(sensitivity: Sensitivity, folder: Path) -> Path | None:
    """Writes `sensitivity.json` and `sensitivity.png`."""
    archived = replace_json(sensitivity, folder / SENSITIVITY_NAME)
    write_atomic(folder / SENSITIVITY_PLOT_NAME, sensitivity_png(sensitivity))
    return archived


def rivals_writer(folder: Path, on_archived: Callable[[Path | None], None]) -> Callable[[Rivals], None]:
    """Returns a function that writes `rivals.json`, and `rivals.png` if a tracker has figures.

    All records that it receives are of one command, and each replaces the one before. That of an earlier command is
    renamed.

    Args:
        folder: The folder of the files.
        on_archived: Called once, with the new path of an earlier command's record, or with None.
    """
    is_first = True

    def write(rivals: Rivals) -> None:
        nonlocal is_first
        if is_first:
            on_archived(replace_json(rivals, folder / RIVALS_NAME))
            is_first = False
        else:
            write_json(rivals, folder / RIVALS_NAME)
        if rivals.trackers:
            write_atomic(folder / RIVALS_PLOT_NAME, rivals_png(rivals))

    return write


def store_robustness(robustness: Robustness, folder: Path) -> Path | None:
    """Writes `robustness.json` and `robustness.png`."""
    archived = replace_json(robustness, folder / ROBUSTNESS_NAME)
    write_atomic(folder / ROBUSTNESS_PLOT_NAME, robustness_png([robustness]))
    return archived


def store_soak(soak: Soak, folder: Path) -> Path | None:
    """Writes `soak.json` and `soak.png`."""
    archived = replace_json(soak, folder / SOAK_NAME)
    write_atomic(folder / SOAK_PLOT_NAME, soak_png(soak))
    return archived


def store_sweep(sweep: Sweep, folder: Path) -> Path | None:
    """Writes `sweep.json` and `sweep.png`."""
    archived = replace_json(sweep, folder / SWEEP_NAME)
    write_atomic(folder / SWEEP_PLOT_NAME, sweep_png(sweep))
    return archived


def store_training(training: Training, folder: Path) -> Path | None:
    """Writes `training.json` and `training.png`."""
    archived = replace_json(training, folder / TRAINING_NAME)
    write_atomic(folder / TRAINING_PLOT_NAME, training_png(training))
    return archived
