"""Kills runs at random moments and resumes them. Run it by hand: it takes longer than a test may.

    python -m tools.reliability.kill_and_resume --moments 20 [--seed 0] [--out FILE.json]

Each run has its own project: one small recipe and three short clips. Every second run starts over the result of
another recipe with the same name. A run receives SIGKILL at a moment drawn uniformly from the time of an uninterrupted
run. Then:
- its folder holds all files of the earlier result, or all of the new one, or no result;
- no process of the run is left;
- the same command resumes, and ends with the result and the files of an uninterrupted run, except for the times, and
  with nothing else in the folder.
"""

import argparse
import functools
import hashlib
import json
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tools.docs.reliability import run_here
from tools.reliability.small_project import ENDED, TORCH_CACHE_PREFIX, project, run, visible
from workbench.audit.verdict import judge_result
from workbench.recipe import gates_of
from workbench.records.result import Result, read_result

STAGE = re.compile(
    r"import|model|audio|render .*|.+ \(\d+ of \d+\): .+"
)  # a line of progress; libraries print warnings too


@dataclass(frozen=True)
class Kill:
    """One killed run and what was found. `wrong` is empty if everything was as expected."""

    after_s: float
    over_an_earlier_record: bool
    stage: str  # the last one that the run reported; "" in older records
    found: str  # the result in the folder after the kill: none, the earlier, the new
    resumed_s: float
    reused: str
    wrong: tuple[str, ...]


def without_times(record: Result, like: Result) -> Result:
    """Returns the result with the times of `like`, judged again."""
    program = record.program
    if program and program.calibration and like.program and like.program.calibration:
        took_s = like.program.calibration.took_s
        program = program.model_copy(update={"calibration": program.calibration.model_copy(update={"took_s": took_s})})
    same = {"created": like.created, "seconds": like.seconds, "speed": like.speed, "program": program}
    asked = record.recipe.resolved
    return judge_result(record.model_copy(update=same), gates_of(asked["gates"]), asked["scoring"]["min_voiced_frames"])


def differences(folder: Path, reference: Path) -> list[str]:
    """Returns the differences between a finished folder and that of the uninterrupted run, except for times."""
    wrong = []
    got, expected = visible(folder), visible(reference)
    if set(got) != set(expected):
        wrong.append(f"other files: {sorted(set(got) ^ set(expected))}")
    hidden = sorted(path.name for path in folder.parent.rglob(".*"))
    if hidden:
        wrong.append(f"left behind: {hidden}")
    uninterrupted = read_result(reference / "result.json")
    resumed = without_times(read_result(folder / "result.json"), uninterrupted).model_dump()
    expected_result = without_times(uninterrupted, uninterrupted).model_dump()
    if resumed != expected_result:
        wrong.append(f"another result: {[key for key in resumed if resumed[key] != expected_result[key]]}")
    for name in set(got) & set(expected):
        if name.endswith(".npz"):
            with np.load(folder / name) as frames, np.load(reference / name) as reference_frames:
                if any(
                    not np.array_equal(frames[k], reference_frames[k], equal_nan=True) for k in reference_frames.files
                ):
                    wrong.append(f"other frames: {name}")
        elif name.endswith((".pte", ".png", ".wav")) and got[name] != expected[name]:
            wrong.append(f"other bytes: {name}")
    return wrong


def seen(folder: Path, earlier: dict[str, bytes] | None, names: set[str] | None = None) -> tuple[str, list[str]]:
    """Returns the result that the folder of a killed run holds, and what is wrong with the folder.

    Args:
        folder: The variant's folder.
        earlier: Its files before the run, or None if there were none.
        names: The files of an uninterrupted run.
    """
    found = visible(folder)
    if "result.json" not in found:
        archived = any(is_archived(name) for name in found)
        return "none", ["the earlier result is lost"] if earlier is not None and not archived else []
    if earlier is not None and found["result.json"] == earlier["result.json"]:
        changed = [name for name in sorted(earlier.keys() | found.keys()) if earlier.get(name) != found.get(name)]
        return "the earlier", [f"not as in the earlier result: {changed}"] if changed else []
    try:
        record = read_result(folder / "result.json")
    except Exception as error:
        return "torn", [str(error)]
    assert record.program is not None
    wrong = []
    if hashlib.sha256(found.get("program.pte", b"")).hexdigest() != record.program.sha256:
        wrong.append("the program is not the one that the result names")
    here = {name for name in found if not is_archived(name)}
    if names is not None and here != names:
        wrong.append(f"not the files of the new result: {sorted(here ^ names)}")
    return "the new", wrong


def is_archived(name: str) -> bool:
    """Returns whether a file is an archived result."""
    return name.startswith("result-")


def kill(folder: Path, reference: Path, earlier: Path | None, after_s: float) -> Kill:
    """Kills one run after `after_s` seconds and resumes it."""
    project(folder)
    (folder / "tmp").mkdir()
    variant = folder / "out" / "r"
    if earlier is not None:
        shutil.copytree(earlier, variant)
    before = visible(variant) if earlier is not None else None
    stderr, _, _ = run(folder, after_s)
    stages = [line for line in stderr.splitlines() if STAGE.fullmatch(line)] or ["nothing yet"]
    found, wrong = seen(variant, before, set(visible(reference)))
    wrong += [line for line in stderr.splitlines() if line.startswith("left alive")]
    stderr, resumed_s, code = run(folder)
    wrong += [] if code in ENDED else [f"resumed and ended with {code}"]
    wrong += [line for line in stderr.splitlines() if line.startswith(("left alive", "error", "Traceback"))]
    for archived in variant.glob("result-*.json"):
        if earlier is None or archived.read_bytes() != (earlier / "result.json").read_bytes():
            wrong.append(f"not the earlier result: {archived.name}")
        archived.unlink()
    reused = [line.rpartition(": ")[2] for line in stderr.splitlines() if "the earlier" in line or " reused" in line]
    wrong += differences(variant, reference) if (variant / "result.json").is_file() else [f"no result: {stderr[-500:]}"]
    temporary = [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith(TORCH_CACHE_PREFIX)]
    wrong += [f"left in the temporary folder: {name}" for name in temporary]
    return Kill(after_s, earlier is not None, stages[-1], found, resumed_s, "; ".join(reused), tuple(wrong))


def main(moments: int, seed: int, folder: Path, report: Callable[[str], object]) -> list[Kill]:
    """Kills `moments` runs, one after the other, and reports each in a line."""
    reference, other = project(folder / "reference"), project(folder / "other", mirror=0.5)
    for folder_of_run in (reference, other):
        (folder_of_run / "tmp").mkdir()
    (_, took_s, code), (_, _, other_code) = run(reference), run(other)
    assert {code, other_code} <= set(ENDED), f"uninterrupted runs ended with {code} and {other_code}"
    report(f"uninterrupted: {took_s:.1f} s")
    draw = random.Random(seed)
    kills = []
    for number in range(moments):
        earlier = other / "out" / "r" if number % 2 else None
        after_s = draw.uniform(0.5, took_s)
        kills.append(kill(folder / f"{number}", reference / "out" / "r", earlier, after_s))
        last = kills[-1]
        report(
            f"{number + 1:3}  killed after {last.after_s:5.1f} s at {last.stage:24.24}  result: {last.found:12}  "
            f"resumed for {last.resumed_s:5.1f} s  {'; '.join(last.wrong) or 'as uninterrupted'}"
        )
        shutil.rmtree(folder / f"{number}")
    wrong = sum(bool(killed.wrong) for killed in kills)
    report(f"{moments} killed, {moments - wrong} as uninterrupted, {wrong} not")
    return kills


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kills runs at random moments and resumes them.")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write the findings as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-and-resume-") as folder_name:
        found = main(arguments.moments, arguments.seed, Path(folder_name), functools.partial(print, flush=True))
    if arguments.out:
        arguments.out.write_text(
            json.dumps({**run_here(), "kills": [asdict(killed) for killed in found]}, indent=2) + "\n"
        )
    sys.exit(any(killed.wrong for killed in found))
