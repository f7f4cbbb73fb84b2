"""How long a run will take, from the times in earlier results: those of this machine, or else the shipped ones.

A result has the seconds of each stage. The time of scoring is proportional to the duration of the scored audio, that of
the stage "sizes" also to the number of call sizes. Building and timing do not depend on the audio.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from workbench.recipe import shipped_records
from workbench.records.environment import cpu
from workbench.records.result import RESULT_NAME
from workbench.workflows.folders import OUTPUTS
from workbench.workflows.variant.prepare import PreparedVariant

_FIXED, _BY_AUDIO = ("build", "speed of sizes", "speed"), ("score", "sizes", "pictures")
_OF_ALL = ("build", "score", "speed")  # a run without one of them failed, or its frames were recorded elsewhere
_MAX_RESULTS = 200  # the newest ones; each takes a millisecond to read


@dataclass(frozen=True)
class EarlierRun:
    """What an earlier result says about time: its variant, its machine, its audio, and the seconds of each stage."""

    name: str
    machine: str
    scored_s: float
    sizes: int
    seconds: dict[str, float]

    def seconds_for(self, scored_s: float, sizes: int) -> float:
        """Returns the expected seconds of a variant with this much scored audio and this many call sizes."""
        by_audio = {stage: self.seconds.get(stage, 0.0) * scored_s / self.scored_s for stage in _BY_AUDIO}
        by_audio["sizes"] *= sizes / max(self.sizes, 1)
        return sum(self.seconds.get(stage, 0.0) for stage in _FIXED) + sum(by_audio.values())


@dataclass(frozen=True)
class ExpectedTime:
    """The expected seconds of each variant that is not finished, in order, and where they come from.

    `finished` counts the variants whose result is there already. `seconds` is None if nothing is known of a variant.
    """

    finished: int
    seconds: tuple[float, ...] | None
    source: str = ""

    def remaining_s(self, measured: int, elapsed_s: float) -> float | None:
        """Returns the expected seconds of those left after `measured` variants took `elapsed_s`. None if unknown."""
        if self.seconds is None:
            return None
        expected_s = sum(self.seconds[:measured])
        pace = elapsed_s / expected_s if measured and expected_s else 1.0
        return pace * sum(self.seconds[measured:])


def expected_time(variants: Sequence[PreparedVariant], folder: Path) -> ExpectedTime:
    """Returns how long a run of these variants, with their clips, will take in `folder`."""
    unfinished = [variant for variant in variants if not _is_finished(variant, folder / variant.name)]
    finished = len(variants) - len(unfinished)
    here = f"{cpu()}, {os.cpu_count()} cores"
    own = [run for run in earlier_runs([folder, *_runs_of(OUTPUTS), *_runs_of(folder.parent)]) if run.machine == here]
    shipped = earlier_runs([shipped_records()], "*.json")
    sources = {"by earlier runs on this machine": own, f"if this machine is as fast as {_machines(shipped)}": shipped}
    for source, runs in sources.items():
        seconds = [_seconds(variant, runs) for variant in unfinished]
        known = [each for each in seconds if each is not None]
        if len(known) == len(seconds):
            return ExpectedTime(finished, tuple(known), source)
    return ExpectedTime(finished, None)


def _machines(runs: Iterable[EarlierRun]) -> str:
    return " or ".join(sorted({run.machine for run in runs}))


def _seconds(variant: PreparedVariant, runs: Sequence[EarlierRun]) -> float | None:
    """Returns the time of a variant: that of the newest run of its name, or the median of its kind."""
    scored_s, sizes = sum(clip.duration_s for clip in variant.scored_clips), len(variant.stream.sizes)
    alike = [run for run in runs if (run.sizes > 1) == (sizes > 1)]
    same = [run for run in alike if run.name == variant.name][:1]
    return median(run.seconds_for(scored_s, sizes) for run in same or alike) if alike else None


def _runs_of(folder: Path) -> list[Path]:
    return [child for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []


def earlier_runs(folders: Iterable[Path], pattern: str = f"*/{RESULT_NAME}") -> list[EarlierRun]:
    """Returns what the results in these folders say about time, the newest first. Others are ignored."""
    paths = {path.resolve(): path.stat().st_mtime for folder in folders for path in folder.glob(pattern)}
    newest = sorted(paths, key=lambda path: -paths[path])[:_MAX_RESULTS]
    return [run for path in newest if (run := _read(path)) is not None]


def _read(path: Path) -> EarlierRun | None:
    try:
        stored = json.loads(path.read_bytes())
        if not stored["seconds"].keys() >= set(_OF_ALL):
            return None
        return EarlierRun(
            name=stored["recipe"]["name"],
            machine=f"{stored['environment']['cpu']}, {stored['environment']['cores']} cores",
            scored_s=sum(clip["seconds"] for clip in stored["audio"] if clip["role"] == "score"),
            sizes=len(stored.get("sizes", ())) or 1,
            seconds=stored["seconds"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_finished(variant: PreparedVariant, folder: Path) -> bool:
    """Whether the folder has the result of this variant, so a run has nothing to measure."""
    try:
        found = json.loads((folder / RESULT_NAME).read_bytes())["fingerprint"] == variant.fingerprint
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return bool(found)
