"""The comparison of a rebuilt program with its result: whether the bytes are the same, and otherwise what differs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.audio.decode import Clip
from workbench.export.program_file import ProgramFile
from workbench.quantize.results import TensorRange
from workbench.records.environment import Environment
from workbench.records.result import Result

_DETERMINES_BYTES = ("python", "torch", "executorch", "torchao", "pesto", "workbench", "commit", "cpu")


@dataclass(frozen=True)
class Rebuilt:
    """`parts`: what differs in the program; `since`: what has changed since the result was made."""

    same: bool
    parts: tuple[str, ...]
    since: tuple[str, ...]


def compare_rebuilt(
    result: Result,
    program: ProgramFile,
    environment: Environment,
    calibration_clips: Iterable[Clip],
    checkpoint_sha256: str,
) -> Rebuilt:
    """Compares the program of a result with one that was built again from its recipe.

    Args:
        result: a result with a program.
        program: the rebuilt program.
        environment: where it was rebuilt.
        calibration_clips: what it was calibrated on.
        checkpoint_sha256: of the checkpoint it was built from.
    """
    assert result.program is not None
    if program.sha256 == result.program.sha256:
        return Rebuilt(True, (), ())
    since = [
        *_environment_changes(result.environment, environment),
        *_changes(result.program.made_with, program.made_with),
    ]
    if result.recipe.checkpoint_sha256 != checkpoint_sha256:
        name, before = result.recipe.resolved["checkpoint"], result.recipe.checkpoint_sha256
        since.append(f"checkpoint {name}: sha256 {before[:12]}… before, {checkpoint_sha256[:12]}… now")
    if result.program.calibration is not None:
        before_clips = {clip.name: clip.sha256 for clip in result.audio if clip.role == "calibrate"}
        now_clips = {clip.name: clip.sha256 for clip in calibration_clips}
        since += [f"clip {name}: changed, added or missing" for name, *_ in _differing(before_clips, now_clips)]
    return Rebuilt(False, tuple(_program_changes(result.program, program)), tuple(since))


def _program_changes(before: ProgramFile, now: ProgramFile) -> list[str]:
    parts = [
        f"{name.replace('_', ' ')}: {change}"
        for keys in ("bytes_by_kind", "bytes_by_part", "delegated_ops", "portable_ops", "schemes")
        for name, change in _named_changes(getattr(before, keys), getattr(now, keys))
    ]
    parts += _range_changes(before.ranges, now.ranges)
    return parts or ["all sizes, operators and ranges are the same: weights or constants have other values"]


def _range_changes(before: Sequence[TensorRange], now: Sequence[TensorRange]) -> list[str]:
    """The number of ranges that have other values, and the names of those that only one program has."""
    old, new = ({f"{each.layer} {each.tensor}": each for each in ranges} for ranges in (before, now))
    changed = sum(old[name] != new[name] for name in old if name in new)
    parts = [f"{changed} of {len(old)} ranges have other values"] if changed else []
    for side, names in (("before", set(old) - set(new)), ("now", set(new) - set(old))):
        if names:
            parts.append(f"ranges only {side}: {', '.join(sorted(names))}")
    return parts


def _environment_changes(before: Environment, now: Environment) -> list[str]:
    old, new = (environment.model_dump(include=set(_DETERMINES_BYTES)) for environment in (before, now))
    changes = _changes(old, new)
    if before.libraries:  # stored results in docs/ have none
        changes += _changes(before.libraries, now.libraries)
    return changes


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    return [f"{name}: {change}" for name, change in _named_changes(before, now)]


def _named_changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(key, f"{_text(old)} before, {_text(new)} now") for key, old, new in _differing(before, now)]


def _differing(before: Mapping[str, object], now: Mapping[str, object]) -> list[tuple[str, object, object]]:
    return [(key, before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)]


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return f"{value:,}" if isinstance(value, int) else str(value)
