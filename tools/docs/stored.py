"""The records and pictures that the documents show, and how those of a new run are stored."""

import shutil
from pathlib import Path

from workbench.audit.verdict import rejudge
from workbench.records.bench import BENCH_NAME, BENCH_PLOT_NAME
from workbench.records.profile import PROFILE_NAME, PROFILE_PLOT_NAME
from workbench.records.result import read_result
from workbench.records.robustness import ROBUSTNESS_NAME
from workbench.storage.json_files import write_json

ROOT = Path(__file__).parent.parent.parent
RECORDS = ROOT / "docs" / "records"
PICTURES = ROOT / "docs" / "pictures"
MEASURED = RECORDS / "measured"
PROFILES = RECORDS / "profiles"
ROBUSTNESS = RECORDS / "robustness"
BENCH = RECORDS / BENCH_NAME
PICTURES_OF_MEASURED = {
    "contour.png": "float-xnnpack/pictures/synthetic-score-phrase-alto.png",
    "fair.png": "float-xnnpack/pictures/synthetic-score-vibrato-bass.png",
    "unfair.png": "unfair/pictures/synthetic-score-vibrato-bass.png",
}


def store_measured(run: Path) -> None:
    """Stores the results of a run of the shipped recipes, and three of its pictures."""
    _replace_json_files(MEASURED, {path.parent.name: path for path in run.glob("*/result.json")})
    for name, picture in PICTURES_OF_MEASURED.items():
        shutil.copyfile(run / picture, PICTURES / name)


def store_bench(run: Path) -> None:
    """Stores the record and the picture of a bench."""
    store_json(run / BENCH_NAME, BENCH)
    shutil.copyfile(run / BENCH_PLOT_NAME, PICTURES / BENCH_PLOT_NAME)


def store_profiles(run: Path) -> None:
    """Stores all profiles in a folder, and their pictures."""
    paths = {path.parent.name: path for path in run.glob(f"*/{PROFILE_NAME}")}
    _replace_json_files(PROFILES, paths)
    for old in PICTURES.glob("profile-*.png"):
        old.unlink()
    for name, path in paths.items():
        shutil.copyfile(path.with_name(PROFILE_PLOT_NAME), PICTURES / f"profile-{name}.png")


def store_robustness(run: Path) -> None:
    """Stores the records of `workbench robustness` in a folder, one for each recipe."""
    _replace_json_files(ROBUSTNESS, {path.parent.name: path for path in run.glob(f"*/{ROBUSTNESS_NAME}")})


def _replace_json_files(folder: Path, paths: dict[str, Path]) -> None:
    for old in folder.glob("*.json"):
        old.unlink()
    for name, path in paths.items():
        store_json(path, folder / f"{name}.json")


def store_json(source: Path, target: Path) -> None:
    """Copies a record; paths in this checkout become relative to it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8").replace(f"{ROOT.as_posix()}/", ""), encoding="utf-8")


def judge_again(path: Path) -> None:
    """Judges a stored result by the current rules. The measurements do not change."""
    result = read_result(path)
    judged = rejudge(result, {})
    if judged != result:
        write_json(judged, path)
