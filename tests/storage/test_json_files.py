"""Records as files: none without a number, and none in the place of another without a trace."""

import json
import os
from pathlib import Path

import pytest

from workbench.record_model import RecordModel
from workbench.storage.json_files import replace_json, write_json


class Points(RecordModel):
    created: str
    name: str = "one"
    points: tuple[float, ...] = ()


MONDAY = Points(created="2026-03-02T08:00:00+00:00", points=(1.0, 2.0))
NOON = Points(created="2026-03-02T12:00:00+00:00", points=(1.0, 2.5))


def test_a_number_that_json_does_not_know_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    with pytest.raises(ValueError):
        write_json(Points.model_construct(created="", points=(float("nan"),), null_reasons={}), path)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_one_of_other_things_is_kept_by_its_date(tmp_path: Path) -> None:
    path, kept = tmp_path / "new" / "bench.json", tmp_path / "new" / "bench-20260302-080000.json"
    assert replace_json(MONDAY, path) is None
    monday = path.read_bytes()
    assert replace_json(NOON, path) == kept
    assert kept.read_bytes() == monday
    assert Points.model_validate_json(path.read_bytes()) == NOON
    path.write_bytes(monday)
    assert replace_json(NOON, path) == kept.with_stem("bench-20260302-080000-2"), (
        "never in the place of one that is kept"
    )
    assert len(list(path.parent.iterdir())) == 3


def test_one_that_the_new_has_all_of_is_not(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    replace_json(MONDAY, path)
    for more in (MONDAY.model_copy(update={"created": "2026-03-03T08:00:00+00:00"}), NOON):
        both = more.model_copy(update={"points": (0.5, *MONDAY.points, *more.points)})
        assert replace_json(both, path) is None
    assert json.loads(path.read_bytes())["points"] == [0.5, 1.0, 2.0, 1.0, 2.5]
    assert list(tmp_path.iterdir()) == [path]
    assert replace_json(both.model_copy(update={"name": "other"}), path) is not None
    assert replace_json(MONDAY, path) is not None, "fewer points"


@pytest.mark.parametrize("content", ["[]", "{", '{"created": 3, "a": 1}', '{"created": "yesterday", "a": 1}', "\xff"])
def test_one_that_cannot_be_read_is_kept_by_its_file_s_date(tmp_path: Path, content: str) -> None:
    path, kept = tmp_path / "soak.json", tmp_path / "soak-20010909-014640.json"
    path.write_bytes(content.encode("latin-1"))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert replace_json(MONDAY, path) == kept
    assert kept.read_bytes() == content.encode("latin-1")
    assert path.is_file()
