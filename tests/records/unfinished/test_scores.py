"""Scores that an unfinished run stored: reused only if they are complete and made from the same things."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.results import stored
from workbench.records.frames.stored import frames_path
from workbench.records.result import Scores
from workbench.records.unfinished.scores import SCORES_NAME, StoredScores, load_scores, picture_path, save_scores

RESULT = stored()
SCORES = StoredScores(
    Scores(**{name: getattr(RESULT, name) for name in Scores.model_fields if name != "null_reasons"}), {"score": 1.5}
)
MADE_FROM = ("fingerprint", "program")


class Named:
    name = "sung/a"


CLIPS: Any = (Named(),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in (frames_path(tmp_path, Named.name), picture_path(tmp_path, Named.name)):
        path.parent.mkdir()
        path.touch()
    save_scores(tmp_path, MADE_FROM, SCORES)
    return tmp_path


def test_scores_round_trip(folder: Path) -> None:
    assert load_scores(folder, MADE_FROM, CLIPS) == SCORES
    assert load_scores(folder, ("fingerprint", "another program"), CLIPS) is None


def with_text(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / SCORES_NAME).write_text(text)


def with_values(**values: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / SCORES_NAME
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        *map(with_text, ("[", "[" * 100_000, "[]")),
        *(with_values(figures={}), with_values(figures=None), with_values(seconds=3)),
        lambda folder: (folder / SCORES_NAME).unlink(),
        lambda folder: frames_path(folder, Named.name).unlink(),
        lambda folder: picture_path(folder, Named.name).unlink(),
    ],
)
def test_incomplete_scores_are_not_loaded(damage: Callable[[Path], object], folder: Path) -> None:
    damage(folder)
    assert load_scores(folder, MADE_FROM, CLIPS) is None
