"""Whole records for tests: those of docs/measured, with some of their values replaced."""

import json
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from workbench.recipe.schema import RecipeModel
from workbench.record_model import RecordModel
from workbench.records.result import ClipUsed, Result, read_record, write_record
from workbench.records.run_folders import StoredResult

MEASURED = Path(__file__).parent.parent.parent / "docs" / "measured"


def stored(name: str = "float-xnnpack", **values: Any) -> Result:
    """A stored record with values replaced: deviation__pitch__p95_cents=1.0, and `renamed` for the recipe's name. As if
    it did not say with which known f0, for some stored ones do and others are from before."""
    record = with_known_f0(read_record(MEASURED / f"{name}.json"), ClipUsed.model_fields["f0_sha256"].default)
    if renamed := values.pop("renamed", None):
        record = replaced(record, "recipe.name", renamed)
    for path, value in values.items():
        record = replaced(record, path.replace("__", "."), value)
    return record


def with_known_f0(record: Result, *f0_sha256: Any) -> Result:
    """The record with its clips' known f0 of those hashes, the last one for all that are left."""
    hashes = chain(f0_sha256, repeat(f0_sha256[-1]))
    audio = tuple(clip.model_copy(update={"f0_sha256": one}) for clip, one in zip(record.audio, hashes, strict=False))
    return record.model_copy(update={"audio": audio})


def replaced(whole: Any, path: str, value: Any) -> Any:
    """A copy with the value at a dotted path replaced, in sections and in mappings."""
    key, _, rest = path.partition(".")
    if isinstance(whole, RecordModel):
        inner = replaced(getattr(whole, key), rest, value) if rest else value
        return whole.model_copy(update={key: inner})
    return {**whole, key: replaced(whole[key], rest, value) if rest else value}


def lost(record: Result, reason: str = "it crashed") -> Result:
    """The record of a variant that has no program."""
    measured = ("program", "deviation", "floor", "truth", "speed")
    return record.model_copy(
        update=dict.fromkeys(measured) | {"null_reasons": dict.fromkeys(measured, reason), "verdict": "fail"}
    )


def kept(record: Result, run: str = "outputs/run") -> StoredResult:
    """The record as if it lay in that run."""
    return StoredResult(record, Path(run) / record.recipe.name, Path(run).name)


def written(record: Result, run: Path) -> Path:
    """The variant's folder, after the record was written to that run."""
    folder = run / record.recipe.name
    write_record(record, folder)
    return folder


def with_todays_defaults(resolved: dict[str, Any]) -> dict[str, Any]:
    """A recorded recipe as today's schema says it: a key that came since has its default, what was done before."""
    return RecipeModel.model_validate_json(json.dumps(resolved)).model_dump(mode="json")
