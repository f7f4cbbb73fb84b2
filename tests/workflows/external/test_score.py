"""Frames that were recorded elsewhere: which program can have returned them.

Their figures are compared with those of a run in variant/test_run_real.py.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.records.results import stored
from workbench.errors import ProgramError
from workbench.export.metadata import metadata_of, parse_metadata
from workbench.model.streaming import StreamingPesto
from workbench.workflows.external import score as score_external


@pytest.mark.parametrize(
    ("difference", "quantization", "noted", "metadata"),
    [
        ("", {}, {}, {}),
        ("", {}, {}, {"confidence_threshold": 0.3}),  # it changes no estimate
        ("", {"everywhere": True, "parts": {"encoder": "int8-static"}}, {}, {}),
        ("precision is float, expected int8", {"parts": {"encoder": "int8-static"}}, {}, {}),
        ("file is program.onnx, expected program.pte", {}, {"program__path": "program.onnx"}, {}),
        ("hop_samples is 7, expected 320", {}, {}, {"hop_samples": 7}),
        ("scope is network, expected whole", {}, {}, {"scope": "network", "host_sha256": "0"}),
        ("streams is 2, expected 1, outputs is pitch, expected ", {}, {}, {"outputs": "pitch", "streams": 2}),
    ],
)
def test_program_of_another_recipe_is_refused(
    difference: str,
    quantization: dict[str, Any],
    noted: dict[str, str],
    metadata: dict[str, object],
    restated: StreamingPesto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The metadata is in the program, which is not opened here; its notes are beside it."""
    found = parse_metadata({**metadata_of(restated), **metadata}, Path("p.pte"))
    monkeypatch.setattr(score_external.IsolatedProcess, "call", lambda *_: found)
    recipe = SimpleNamespace(
        name="mine",
        lowering=SimpleNamespace(backend="xnnpack"),
        quantization=SimpleNamespace(**{"everywhere": False, "parts": {}, **quantization}),
    )
    arguments: Any = (SimpleNamespace(recipe=recipe, model=restated), Path("p.pte"), stored(**noted).program)
    if difference:
        with pytest.raises(ProgramError, match=rf"^p\.pte: not a program of mine \({difference}"):
            score_external._check_recipe(*arguments)
    else:
        score_external._check_recipe(*arguments)
