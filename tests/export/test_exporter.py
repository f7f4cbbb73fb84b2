"""What exporters share: the extras, and how the recipe's rules decide what is quantized before lowering."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench import extras
from workbench.errors import LoweringError
from workbench.export import executorch
from workbench.export.executorch import ExecutorchExporter
from workbench.export.exporter import ExportInputs
from workbench.export.program_file import ExecutorchNodes, ExportedProgram
from workbench.extras import Extra
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.results import Quantized
from workbench.recipe import Quantization

BYTES = {"delegate_weights": 0, "other_constants": 0}
LOWERED = ExportedProgram(b"pte", "pte", {}, {}, BYTES, {}, {}, ExecutorchNodes({}, {}, ()))


def test_missing_module_is_named_with_its_extra() -> None:
    hint = Extra("onnx", ("torch", "onnx_of_nowhere", "other_of_nowhere")).missing_hint()
    assert hint == "onnx_of_nowhere, other_of_nowhere not installed: pip install 'pesto-workbench[onnx]'"
    assert Extra().missing_hint() == ""


def test_extra_versions_are_those_of_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    extra = Extra(packages=("torch", "package-of-nowhere"), sdk_variable="SDK_OF_TEST")
    assert extra.versions() == {"torch": extras.version("torch")}
    (tmp_path / "latest").symlink_to(tmp_path / "2.37.0")
    monkeypatch.setenv("SDK_OF_TEST", str(tmp_path / "latest"))
    assert extra.versions()["SDK_OF_TEST"] == "2.37.0"


def test_rules_decide_what_is_lowered_and_checked(restated: StreamingPesto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without quantizing or lowering anything."""
    calls: list[tuple[Any, ...]] = []
    made = Quantized({}, (), (), {}, {}, None)
    monkeypatch.setattr(executorch, "lower", lambda *arguments: calls.append(arguments[1:]) or LOWERED)
    monkeypatch.setattr(executorch, "quantize", lambda *_: made)
    monkeypatch.setattr(executorch, "quantize_whole_graph", lambda *_: "graph")

    def export(**rules: Any) -> ExportedProgram:
        inputs = ExportInputs(restated, restated.__class__, Quantization(**rules), [torch.ones(640)], 0.5, 0.3, "once")
        return ExecutorchExporter("xnnpack").export(inputs, Progress())

    parts = {"encoder": "int8-static"}
    assert [export(**rules).quantized for rules in ({}, {"everywhere": True}, {"parts": parts})] == [None, None, made]
    assert calls == [("xnnpack", graph, 0.3, "once", 128) for graph in (None, "graph", None)]
    monkeypatch.setattr(executorch, "quantize", lambda *_: replace(made, operators={"linear": 1}))
    with pytest.raises(LoweringError, match="does not match the recipe"):
        export(parts=parts)
