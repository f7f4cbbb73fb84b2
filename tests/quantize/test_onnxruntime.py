"""int8 by ONNX Runtime's quantizer, in the layers that a recipe names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.progress import RecordedProgress
from tests.helpers.sessions import RestatedSession
from workbench.errors import LoweringError
from workbench.export.onnx import export_graph, finalize, inspect_onnx
from workbench.extras import ONNX
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.layers import layers
from workbench.quantize.onnxruntime import quantize_onnx
from workbench.recipe import Quantization
from workbench.recipe.options import Frontend, Scheme
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.open_program import open_program
from workbench.runtime.session import run_chunks

pytestmark = pytest.mark.skipif(bool(ONNX.missing_hint()), reason=ONNX.missing_hint())
STREAM = StreamConfig(16_000, 320, 1, 0.0)
PREFILTERS = Quantization(parts={"encoder.prefilter": "int8-static"})
Sing = Callable[[int, float], np.ndarray]


def explicit_model(frontend: Frontend = "grouped") -> StreamingPesto:
    upstream = load_upstream("mir-1k_g7", STREAM)
    return StreamingPesto(upstream, STREAM, Implementations(frontend), "explicit", ("pitch", "volume"))


def test_no_int8_layer_leaves_the_graph_float() -> None:
    """ONNX Runtime's quantizer takes an empty list for all nodes."""
    graph, model = export_graph(explicit_model()), explicit_model()
    rules = Quantization(parts={"encoder": "none", "frontend": "none", "confidence": "none"})
    found, quantized = quantize_onnx(model, lambda _: graph, rules, [torch.zeros(320)], Progress())
    assert found is graph
    assert set(quantized.schemes.values()) == {"none"}
    assert {name for name in layers(model) if not name.startswith("confidence")} <= set(quantized.schemes)
    assert quantized.calibration is None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"frontend": "int8-static", "frontend.group.0": "none"},
            r"recipe: frontend\.group\.0 is missing from .* expected none; frontend\.group\.1 is .* expected static",
        ),
        ({"confidence.linear": "int8-static"}, r"confidence\.linear is none, expected static"),
    ],
    ids=["missing from the graph", "not returned, so removed"],
)
def test_rule_for_a_layer_without_a_node_is_an_error(parts: dict[str, Scheme], message: str) -> None:
    from onnx import ModelProto

    with pytest.raises(LoweringError, match=message):
        quantize_onnx(explicit_model(), lambda _: ModelProto(), Quantization(parts=parts), [], Progress())


@pytest.mark.slow
def test_int8_is_in_the_requested_layers_only(tmp_path: Path, sing: Sing) -> None:
    model = explicit_model()
    progress = RecordedProgress()
    graph, quantized = quantize_onnx(model, export_graph, PREFILTERS, [torch.tensor(sing(16_000, 1.0))], progress)
    assert progress.stages == {"calibrate": (50, 50)}
    found = inspect_onnx(finalize(graph, model))
    static = [layer for layer, scheme in quantized.schemes.items() if scheme == "static"]
    assert static == ["encoder.prefilter.0.0", "encoder.prefilter.1.0"]
    assert found.quantized_ops["QLinearConv"] == 2
    assert quantized.calibration.rows == 50
    path = tmp_path / "program.onnx"
    path.write_bytes(found.content)
    assert np.isfinite(open_program(path).step(sing(16_000, 1.0)[-320:]).pitch_semitones).all()


@pytest.mark.slow
def test_integer_weights_are_in_the_file_beside_static_layers(tmp_path: Path, sing: Sing) -> None:
    parts: dict[str, Scheme] = {"frontend": "int8-weights", "frontend.group.0": "int16-weights"}
    rules = Quantization(parts={**parts, "encoder.narrow": "int8-static"})
    model = explicit_model("low-rank")  # whose Linears have inputs of two and of three axes
    float_bytes = len(finalize(export_graph(model), model))
    graph, quantized = quantize_onnx(model, export_graph, rules, [torch.tensor(sing(16_000, 1.0))], Progress())
    content = finalize(graph, model)
    assert {scheme for layer, scheme in quantized.schemes.items() if layer.startswith("frontend")} == set(
        parts.values()
    )
    saved = sum(found.float_bytes - found.bytes for found in quantized.weights)
    assert float_bytes - len(content) == pytest.approx(saved, rel=0.05)
    path = tmp_path / "program.onnx"
    path.write_bytes(content)
    found, exact = (run_chunks(session, sing(16_000, 0.3)) for session in (open_program(path), RestatedSession(model)))
    np.testing.assert_allclose(found.volume, exact.volume, rtol=1e-4)  # by default, inputs would be rounded to int8


@pytest.mark.slow
def test_calibration_uses_all_of_the_audio(sing: Sing) -> None:
    """Silence after the singing changes no range, however long it is."""
    from onnx.numpy_helper import to_array

    def scales(*clips: np.ndarray) -> dict[str, float]:
        graph, _ = quantize_onnx(explicit_model(), export_graph, PREFILTERS, list(map(torch.tensor, clips)), Progress())
        values = {tensor.name: to_array(tensor) for tensor in graph.graph.initializer}
        nodes = [node for node in graph.graph.node if node.op_type == "QuantizeLinear"]
        return {node.input[0]: float(values[node.input[1]]) for node in nodes if values[node.input[1]].size == 1}

    sung, silence = sing(16_000, 1.0), np.zeros(20 * 320, np.float32)
    found = scales(sung, *[silence] * 3)  # 110 calls
    assert found == scales(sung)
    assert len(found) > 2 and max(found.values()) > 2 * max(scales(silence).values())
