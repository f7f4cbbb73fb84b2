"""Records as files: without NaN, and without losing an earlier record."""

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


def test_write_json_nan_raises_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(Points.model_construct(created="", points=(float("nan"),), null_reasons={}), tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_replace_json_archives_another_record_under_its_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bench.json"
    archived = path.with_stem("bench-20260302-080000")
    assert replace_json(MONDAY, path) is None
    monday = path.read_bytes()
    assert replace_json(NOON, path) == archived
    assert archived.read_bytes() == monday
    assert Points.model_validate_json(path.read_bytes()) == NOON
    path.write_bytes(monday)
    assert replace_json(NOON, path) == archived.with_stem(f"{archived.stem}-2"), "never replaces an archived record"
    assert len(list(path.parent.iterdir())) == 3


@pytest.mark.parametrize(
    ("changes", "archived"),
    [
        ({}, False),
        ({"created": NOON.created}, False),
        ({"points": (0.5, *MONDAY.points, 3.0)}, False),
        ({"points": MONDAY.points[:1]}, True),
        ({"points": (0.5, *MONDAY.points), "name": "other"}, True),
    ],
    ids=["same", "other-time", "more-points", "fewer-points", "other-name"],
)
def test_replace_json_archives_unless_the_new_record_has_all(
    tmp_path: Path, changes: dict[str, object], archived: bool
) -> None:
    path = tmp_path / "sweep.json"
    write_json(MONDAY, path)
    new = MONDAY.replace(**changes)
    assert (replace_json(new, path) is not None) is archived
    assert Points.model_validate_json(path.read_bytes()) == new


@pytest.mark.parametrize(
    "content", [b"[]", b"{", b'{"created": 3, "a": 1}', b'{"created": "yesterday", "a": 1}', b"\xff"]
)
def test_replace_json_archives_unreadable_under_the_file_time(tmp_path: Path, content: bytes) -> None:
    path, archived = tmp_path / "soak.json", tmp_path / "soak-20010909-014640.json"
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert replace_json(MONDAY, path) == archived
    assert archived.read_bytes() == content
    assert path.is_file()
