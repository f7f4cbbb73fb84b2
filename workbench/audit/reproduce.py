"""A program built again from its record: are its bytes the same, and where not, what differs and what may be why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.audio.decode import Clip
from workbench.export.program_file import ProgramFile
from workbench.records.environment import Environment
from workbench.records.result import Result

_MAKES_BYTES = ("python", "torch", "executorch", "torchao", "pesto", "workbench", "commit", "cpu")


@dataclass(frozen=True)
class Rebuilt:
    """`parts`: what of the program differs; `since`: what has changed since the record was made."""

    same: bool
    parts: tuple[str, ...]
    since: tuple[str, ...]


def compare_rebuilt(
    record: Result, program: ProgramFile, here: Environment, calibrate: Iterable[Clip], checkpoint_sha256: str
) -> Rebuilt:
    """The record's program against the same recipe's, built in `here` from that checkpoint, with these clips to
    calibrate on.

    The record has to have a program.
    """
    before = record.program
    assert before is not None
    if program.sha256 == before.sha256:
        return Rebuilt(True, (), ())
    parts = [
        f"{name.replace('_', ' ')}: {_in_words(one)} before, {_in_words(other)} now"
        for kind in ("bytes_by_kind", "bytes_by_part", "delegated_ops", "portable_ops", "schemes")
        for name, one, other in _differing(getattr(before, kind), getattr(program, kind))
    ]
    ranges = sum(one != other for one, other in zip(before.ranges, program.ranges, strict=False))
    if ranges:
        parts.append(f"{ranges} of {len(before.ranges)} ranges have other values")
    if not parts:
        parts.append("all sizes, operators and ranges are the same: weights or constants have other values")
    since = [
        f"{name}: {one} before, {other} now"
        for name, one, other in _differing(record.environment.model_dump(), here.model_dump())
        if name in _MAKES_BYTES
    ]
    libraries = record.environment.libraries and _differing(record.environment.libraries, here.libraries)
    since += [
        f"{name}: {_in_words(one)} before, {_in_words(other)} now"
        for name, one, other in (*libraries, *_differing(before.made_with, program.made_with))
    ]
    earlier = record.recipe.checkpoint_sha256
    if earlier not in ("", checkpoint_sha256):  # older records do not tell
        name = record.recipe.resolved["checkpoint"]
        since.append(f"checkpoint {name}: sha256 {earlier[:12]}… before, {checkpoint_sha256[:12]}… now")
    if before.calibration is not None:
        heard = {clip.name: clip.sha256 for clip in record.audio if clip.role == "calibrate"}
        since += [
            f"clip {name}: another or none" for name, *_ in _differing(heard, {c.name: c.sha256 for c in calibrate})
        ]
    return Rebuilt(False, tuple(parts), tuple(since))


def _differing(before: Mapping[str, object], now: Mapping[str, object]) -> list[tuple[str, object, object]]:
    return [(key, before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)]


def _in_words(value: object) -> str:
    return "nothing" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
