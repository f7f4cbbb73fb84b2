"""What exporters share: the extras, and how the recipe's rules decide what is quantized before lowering."""

from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.errors import LoweringError
from workbench.export import executorch, exporter
from workbench.export.executorch import ExecutorchExporter
from workbench.export.exporter import ExportInputs, Extra
from workbench.export.program_file import ExecutorchNodes, ExportedProgram, describe
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.results import Calibration, Quantized
from workbench.recipe import Quantization

FLOAT = ExportedProgram(b"pte", "pte", {}, {}, {"delegate_weights": 0, "other_constants": 0}, {}, {})


def test_missing_module_is_named_with_its_extra() -> None:
    hint = Extra("onnx", ("torch", "onnx_of_nowhere", "other_of_nowhere")).missing_hint()
    assert hint == "onnx_of_nowhere, other_of_nowhere not installed: pip install 'pesto-workbench[onnx]'"
    assert Extra().missing_hint() == ""


def test_extra_versions_are_those_of_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    extra = Extra(packages=("torch", "package-of-nowhere"), sdk_variable="SDK_OF_TEST")
    assert extra.versions() == {"torch": exporter.version("torch")}
    (tmp_path / "latest").symlink_to(tmp_path / "2.37.0")
    monkeypatch.setenv("SDK_OF_TEST", str(tmp_path / "latest"))
    assert extra.versions()["SDK_OF_TEST"] == "2.37.0"


class TestExecutorchExporter:
    """Without quantizing or lowering anything."""

    @pytest.fixture
    def lowered_with(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []
        nodes = ExecutorchNodes({}, {}, ())

        def lower(*arguments: Any) -> ExportedProgram:
            calls.append(arguments[1:])
            return ExportedProgram(b"pte", "pte", {}, {}, FLOAT.bytes_by_kind, {}, {}, nodes)

        monkeypatch.setattr(executorch, "lower", lower)
        return calls

    def export(self, model: StreamingPesto, rules: Quantization) -> ExportedProgram:
        inputs = ExportInputs(model, model.__class__, rules, [torch.ones(640)], 0.5, confidence_threshold=0.3)
        return ExecutorchExporter("xnnpack").export(inputs, Progress())

    def test_float_is_only_lowered(self, restated: StreamingPesto, lowered_with: list[tuple[Any, ...]]) -> None:
        program = self.export(restated, Quantization())
        assert lowered_with == [("xnnpack", None, 0.3)]
        assert program.quantized is None

    def test_quantized_parts_are_checked_after_lowering(
        self, restated: StreamingPesto, lowered_with: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calibration = Calibration.model_construct()
        rules = Quantization(parts={"encoder": "int8-static"})
        monkeypatch.setattr(executorch, "quantize", lambda *_: Quantized({}, (), {}, 0, calibration))
        assert self.export(restated, rules).quantized is not None
        assert lowered_with == [("xnnpack", None, 0.3)]
        monkeypatch.setattr(executorch, "quantize", lambda *_: Quantized({}, (), {"linear": 1}, 0, calibration))
        with pytest.raises(LoweringError, match="does not match the recipe"):
            self.export(restated, rules)

    def test_whole_graph_is_lowered_in_place_of_the_model(
        self, restated: StreamingPesto, lowered_with: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executorch, "quantize_whole_graph", lambda *_: "graph")
        assert self.export(restated, Quantization(everywhere=True)).quantized is None
        assert lowered_with == [("xnnpack", "graph", 0.3)]


def test_only_executorch_programs_have_node_counts() -> None:
    onnx = ExportedProgram(b"x", "onnx", {}, {}, {}, {}, {}, graph_ops={"Conv": 7})
    record = describe(onnx, "program.onnx", "explicit")
    assert (record.delegated_nodes, record.portable_nodes, record.graph_ops) == (None, None, {"Conv": 7})
    assert set(record.null_reasons) == {"delegated_nodes", "portable_nodes", "calibration"}
