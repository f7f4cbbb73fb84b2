"""Frames that were recorded elsewhere: which program can have returned them, and which protocol they have.

Their figures are compared with those of a run in variant/test_run_real.py.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.results import stored
from workbench.errors import ProgramError
from workbench.export.metadata import metadata_of, parse_metadata
from workbench.export.program_file import ProgramFile
from workbench.model.streaming import StreamingPesto
from workbench.workflows import score_external

PROGRAM = stored().program
assert PROGRAM is not None


@pytest.fixture
def recipe() -> Any:
    return SimpleNamespace(
        name="mine",
        lowering=SimpleNamespace(backend="xnnpack"),
        quantization=SimpleNamespace(everywhere=False, parts={}),
    )


@pytest.fixture
def refusal(restated: StreamingPesto, recipe: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """(noted=PROGRAM, **metadata) -> why the program is refused, "" if it is not. No program is opened."""

    def refusal(noted: ProgramFile = PROGRAM, **metadata: object) -> str:
        found = parse_metadata({**metadata_of(restated), **metadata}, Path("p.pte"))
        monkeypatch.setattr(score_external.IsolatedProcess, "call", lambda *_: found)
        variant: Any = SimpleNamespace(recipe=recipe, model=restated)
        try:
            score_external._check_recipe(variant, Path("p.pte"), noted)
        except ProgramError as error:
            return str(error)
        return ""

    return refusal


@pytest.mark.parametrize(
    ("metadata", "difference"),
    [
        ({}, ""),
        ({"confidence_threshold": 0.3}, ""),  # it changes no estimate
        ({"hop_samples": 7}, "hop_samples is 7, expected 320"),
        ({"scope": "network", "host_sha256": "0"}, "scope is network, expected whole"),
        (
            {"outputs": "pitch", "streams": 2},
            "streams is 2, expected 1, outputs is pitch, expected pitch,confidence,volume",
        ),
    ],
)
def test_program_of_another_recipe_is_refused(
    metadata: dict[str, object], difference: str, refusal: Callable[..., str]
) -> None:
    message = f"p.pte: not a program of mine ({difference}); name the one that gave the frames"
    assert refusal(**metadata) == (message if difference else "")


def test_program_of_another_format_or_precision_is_refused(recipe: Any, refusal: Callable[..., str]) -> None:
    assert "file is program.onnx, expected program.pte" in refusal(PROGRAM.replace(path="program.onnx"))
    recipe.quantization.parts = {"encoder": "int8-static"}
    assert "precision is float, expected int8" in refusal()
    recipe.quantization.everywhere = True
    assert refusal() == ""
