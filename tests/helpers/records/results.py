"""Results for tests: the stored ones of docs/records/measured, with some of their values replaced."""

import json
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from workbench.measure.deviation import Deviation
from workbench.measure.native_speed import NativeSpeed
from workbench.measure.tones.delay import Delay
from workbench.measure.tones.steadiness import Steadiness
from workbench.recipe.schema import Recipe, RecipeModel
from workbench.record_model import NOT_STATED, RecordModel
from workbench.records.result import ClipUsed, Result, read_result, write_result
from workbench.records.run_folders import StoredResult

SCORED = ("deviation", "floor", "truth", "speed")
MEASURED = Path(__file__).parents[3] / "docs" / "records" / "measured"


def stored(name: str = "float-xnnpack", **values: Any) -> Result:
    """A stored result with values replaced: deviation__pitch__p95_cents=1.0, and `renamed` for the recipe's name.

    What earlier versions did not measure is removed, so that a test decides whether it is there: the hashes of known
    f0, delay, steadiness, and times in the native host.
    """
    record = with_known_f0(read_result(MEASURED / f"{name}.json"), ClipUsed.model_fields["f0_sha256"].default)
    record = record.replace(delay=Delay.absent(NOT_STATED), steadiness=Steadiness.absent(NOT_STATED))
    if record.speed:
        record = record.replace(speed=record.speed.replace(native=None, null_reasons={"native": NOT_STATED}))
    if renamed := values.pop("renamed", None):
        record = replaced(record, "recipe.name", renamed)
    for path, value in values.items():
        record = replaced(record, path.replace("__", "."), value)
    return record


def with_known_f0(record: Result, *f0_sha256: Any) -> Result:
    """The result with these hashes of known f0 for its clips; the last one is repeated."""
    hashes = chain(f0_sha256, repeat(f0_sha256[-1]))
    audio = tuple(clip.model_copy(update={"f0_sha256": each}) for clip, each in zip(record.audio, hashes, strict=False))
    return record.model_copy(update={"audio": audio})


def replaced(whole: Any, path: str, value: Any) -> Any:
    """A copy with the value at a dotted path replaced, in sections and in mappings."""
    key, _, rest = path.partition(".")
    if isinstance(whole, RecordModel):
        inner = replaced(getattr(whole, key), rest, value) if rest else value
        return whole.model_copy(update={key: inner})
    return {**whole, key: replaced(whole[key], rest, value) if rest else value}


def natively(record: Result, p50: float, spread: float = 0.1) -> Result:
    """The result with times in the native host: `p50` times faster than the baseline, which takes 1000 us a call."""
    assert record.speed is not None
    us = 1000 / p50
    native = NativeSpeed(
        p50_us=us,
        p95_us=us + 50,
        p99_us=us + 100,
        max_us=us + 200,
        speedup_p50=p50,
        speedup_low=p50 - spread,
        speedup_high=p50 + spread,
        deadline_miss_rate=0.0,
        load_ms=1.0,
        first_call_us=900.0,
        peak_rss_bytes=11_000_000,
        allocations_per_call=0.0,
    )
    return record.replace(speed=record.speed.replace(native=native, null_reasons={}))


def lost(record: Result, reason: str = "it crashed") -> Result:
    """The result of a variant that has no program."""
    measured = ("program", *SCORED)
    return record.replace(**dict.fromkeys(measured), null_reasons=dict.fromkeys(measured, reason), verdict="fail")


def without_scores(record: Result, reason: str) -> Result:
    """The result of a program that this machine cannot run."""
    return record.replace(
        **dict.fromkeys(SCORED),
        null_reasons=dict.fromkeys(SCORED, reason),
        not_run_here=reason,
        verdict="inconclusive",
        reasons=(reason,),
    )


def without_pitch(deviation: Deviation, reason: str = "no voiced frame") -> Deviation:
    """The deviation without any value for the pitch."""
    names = [name for name in type(deviation.pitch).model_fields if name != "null_reasons"]
    pitch = deviation.pitch.replace(**dict.fromkeys(names), null_reasons=dict.fromkeys(names, reason))
    return deviation.replace(pitch=pitch, voiced_frames=0)


def kept(record: Result, run: str = "outputs/run") -> StoredResult:
    """The result as if it were stored in that run."""
    return StoredResult(record, Path(run) / record.recipe.name, Path(run).name)


def written(record: Result, run: Path) -> Path:
    """Writes the result into a run and returns the variant's folder."""
    folder = run / record.recipe.name
    write_result(record, folder)
    return folder


def with_todays_defaults(resolved: dict[str, Any]) -> dict[str, Any]:
    """A stored recipe in the current schema: a key that was added later has its default."""
    keys = RecipeModel.model_validate_json(json.dumps(resolved))
    return Recipe.of("stored", Path(), keys).resolved()
