"""A recipe that a backend or a scope does not support is rejected in one line, before anything is built."""

from typing import get_args

import pytest

from tests.helpers.recipe_files import LEAST, load, problems_of
from workbench.recipe.limits.backends import BACKENDS, SCOPES
from workbench.recipe.options import Backend, Scope

ONNX = "state: explicit\nlowering: {backend: onnx}\n"
TORCHSCRIPT = "lowering: {backend: torchscript, toeplitz: conv}\n"
NETWORK = "state: none\nlowering: {scope: network}\n"
EVERYWHERE = "quantization: {everywhere: true}\n"
RANGE = "frames_per_chunk: {min: 1, max: 2}\n"


def parts(keys: str) -> str:
    return f"quantization: {{parts: {{{keys}}}}}"


def test_every_backend_and_scope_has_limits() -> None:
    assert set(BACKENDS) == set(get_args(Backend))
    assert set(SCOPES) == set(get_args(Scope))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("lowering: {backend: onnx}", "onnx requires state: explicit, none or frozen (got internal)"),
        (RANGE + ONNX, "onnx requires one number of frames_per_chunk (got a range)"),
        ("state: frozen", "xnnpack requires state: internal, explicit or none (got frozen)"),
        ("lowering: {scope: network}", "scope: network requires state: none (got internal)"),
        ("frontend: low-rank\n" + NETWORK, "network requires frontend: upstream or grouped (got low-rank)"),
        (
            "frontend: grouped\nlowering: {backend: torchscript}",
            "torchscript requires frontend: upstream (got grouped), toeplitz: conv (got linear)",
        ),
        ("outputs: [pitch]\n" + TORCHSCRIPT, "torchscript requires outputs: pitch, confidence, volume (got pitch)"),
        (TORCHSCRIPT + parts("encoder: int8-static"), "torchscript requires quantization: none"),
        (TORCHSCRIPT + EVERYWHERE, "torchscript requires quantization: none"),
        (
            ONNX + parts("encoder: int8-dynamic, encoder.first: int8-static"),
            "onnx requires parts: none, int8-static, int8-weights or int16-weights (got int8-dynamic)",
        ),
        (
            ONNX + "quantization: {parts: {encoder: int8-static}, observer: percentile, correct_bias: true}",
            "onnx requires observer: min-max (got percentile), correct_bias: false (got true)",
        ),
        (
            "lowering: {toeplitz: block, prefilter: fourier}\n" + parts("encoder: int8-dynamic"),
            "quantization: encoder.toeplitz in int8-dynamic requires lowering.toeplitz: linear (got block); set it, or "
            "encoder.toeplitz: none",
        ),
        (
            "lowering: {toeplitz: conv}\n" + parts("encoder: int8-static, '*.toeplitz.*': int8-dynamic"),
            "encoder.toeplitz in int8-dynamic requires lowering.toeplitz: linear (got conv)",
        ),
        (
            parts("confidence: int8-dynamic"),
            "XNNPACK has no int8-dynamic for confidence.conv; set confidence.conv: none",
        ),
        (
            "lowering: {toeplitz: block}\n" + parts("encoder: int4-weights, encoder.narrow: none"),
            "encoder.first in int4-weights requires lowering.prefilter: fourier, fourier-shifted, fourier-halved or "
            "fourier-grouped (got conv); set it, or encoder.first: none; encoder.prefilter in int4-weights requires "
            "lowering.prefilter: fourier, fourier-shifted or fourier-halved (got conv); set it, or encoder.prefilter: "
            "none; encoder.toeplitz in int4-weights requires lowering.toeplitz: linear (got block); set it, "
            "or encoder.toeplitz: none; layers "
            "that can: frontend (not upstream), confidence.linear",
        ),
        (
            "lowering: {prefilter: fourier, toeplitz: block}\n" + parts("confidence: int8-weights"),
            "XNNPACK has no int8-weights for confidence.conv; set confidence.conv: none; layers that can: frontend "
            "(not upstream), confidence.linear, encoder.first, encoder.prefilter, encoder.narrow",
        ),
        (
            "lowering: {backend: portable}\n" + parts("confidence.linear: int8-weights"),
            "portable requires parts: none, int8-dynamic, int8-static or int8-static-per-tensor (got int8-weights)",
        ),
        (
            "lowering: {backend: portable}\n" + parts("encoder: int8-weights, encoder.first: int12-weights"),
            "int8-static or int8-static-per-tensor (got int12-weights, int8-weights)",
        ),
        (
            parts("encoder.prefilter.*.frequency.>=8: int4-weights"),
            "encoder.prefilter.*.frequency.>=8: a prefilter has frequencies only with lowering.prefilter: fourier, "
            "fourier-shifted or fourier-halved (got conv)",
        ),
        (
            "lowering: {prefilter: fourier-grouped}\n" + parts("encoder.prefilter: int8-weights"),
            "encoder.prefilter in int8-weights requires lowering.prefilter: fourier, fourier-shifted or fourier-halved "
            "(got fourier-grouped); set it, or encoder.prefilter: none",
        ),
        ("lowering: {toeplitz_block: 5}\n" + parts("encoder: int8-weights"), "expected 4, 8, 16 or 32, got 5"),
        (
            parts("encoder.first: int8-static"),
            "leaky_relu: int8 after encoder.first requires int8-static or int8-dynamic for encoder.prefilter.0 (got "
            "none); set it, or leaky_relu: float",
        ),
        (
            "quantization: {parts: {encoder.prefilter: int8-static}, residual_add: int8}",
            "residual_add: int8 after encoder.prefilter.1 requires int8-static or int8-dynamic for encoder.narrow",
        ),
        (
            "quantization: {parts: {encoder.first: int8-static, encoder.prefilter: int8-dynamic}, residual_add: int8}",
            "residual_add: int8 requires int8-static for encoder.prefilter; set it, or residual_add: float",
        ),
        (parts("frontend: int8-static"), "frontend requires frontend: grouped, low-rank or three-stage (got upstream)"),
        (
            TORCHSCRIPT.replace("toeplitz: conv", "toeplitz: conv, initial_state: once"),
            "initial_state: each-method (got once)",
        ),
        (
            TORCHSCRIPT.replace("toeplitz: conv", "toeplitz: conv, segment_alignment: 16"),
            "segment_alignment: 128 (got 16)",
        ),
        (ONNX.replace("explicit", "sideways"), "r.yaml: state: "),  # a mistake in a key comes before its conflicts
    ],
)
def test_unsupported_recipe_is_rejected_in_one_line(keys: str, problem: str) -> None:
    (found,) = problems_of(LEAST + keys)
    assert problem in found


@pytest.mark.parametrize(
    "keys",
    [
        TORCHSCRIPT,
        ONNX.replace("explicit", "frozen"),
        "state: none\nlowering: {backend: onnx, scope: network}\nfrontend: grouped\n",
        "state: none\n" + RANGE,
        ONNX + parts("encoder: int8-static"),
        ONNX + EVERYWHERE,
        "lowering: {prefilter: fourier}\n" + parts("encoder: int8-dynamic"),
        "lowering: {prefilter: fourier-grouped, prefilter_band: 0.5}\n" + parts("encoder: int8-dynamic"),
        "lowering: {toeplitz: block, prefilter: fourier}\n" + parts("encoder: int8-dynamic, encoder.toeplitz: none"),
        parts("encoder.prefilter: int8-dynamic, encoder.narrow: int8-dynamic"),
        parts("confidence: int8-dynamic, confidence.conv: none"),
        parts("encoder.toeplitz: int12-weights, confidence.linear: int4-weights"),
        ONNX + parts("confidence.linear: int16-weights"),
        parts("encoder.first: int8-static, encoder.prefilter: int8-dynamic"),
        "lowering: {prefilter: fourier}\n" + parts("encoder.first: int8-static"),
        "quantization: {parts: {encoder.first: int8-static}, leaky_relu: float}",
        "quantization: {parts: {encoder.prefilter.1: int8-static, encoder.narrow: int8-dynamic}, residual_add: int8}",
    ],
)
def test_supported_recipe_loads(keys: str) -> None:
    assert load(LEAST + keys)[0].name == "r"
