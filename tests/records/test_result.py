"""result.json: what is written is read again, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.results import MEASURED, lost, replaced, stored
from workbench.errors import WorkbenchError
from workbench.records.result import read_result, write_result

RESULT = stored()
DOCS = MEASURED.parent
STORED = sorted([*MEASURED.glob("*.json"), *(DOCS / "findings").glob("*.json")])


@pytest.mark.parametrize("result", [RESULT, lost(RESULT)], ids=["measured", "failed"])
def test_result_round_trip(result: Any, tmp_path: Path) -> None:
    path = write_result(result, tmp_path)
    assert path == tmp_path / "result.json"
    assert read_result(path) == result
    path.write_text(path.read_text().replace("{", '{"key_of_a_later_version": 1,', 1))
    assert read_result(path) == result


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_have_every_key_that_is_read(path: Path) -> None:
    """Reading and writing keeps the values of all keys of the file."""
    assert _contains(read_result(path).model_dump(mode="json"), json.loads(path.read_bytes()))


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize(("name", "message"), [("result.json", "no such file"), (".", "cannot be read")])
def test_read_result_of_no_file_is_an_error(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=message):
        read_result(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("", text) for text in ("", "[]", '\x00 "not JSON"', '{"schema_version": 1')),
        ('"schema_version": 1', '"schema_version": 2'),
        ('"p95_cents": 0.5', '"p95_cents": NaN'),
        ('"p95_cents": 0.5', '"p95_cents": null'),  # without a reason
        ('"verdict": "pass"', '"verdict": "splendid"'),
    ],
)
def test_read_result_refuses_damaged_text(old: str, new: str, tmp_path: Path) -> None:
    path = write_result(replaced(RESULT, "deviation.pitch.p95_cents", 0.5), tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old else new)
    with pytest.raises(WorkbenchError, match="not a result of schema version 1; run the recipe again"):
        read_result(path)
