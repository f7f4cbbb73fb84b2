"""Strategies of hypothesis for valid recipes: `recipes` has the keys that a model is built from, `all_keys` has all."""

import functools
import operator
from typing import Any

from hypothesis import strategies as st

from workbench.recipe.limits.backends import lowering_conflict, quantization_conflict
from workbench.recipe.lowering_section import Lowering
from workbench.recipe.options import WEIGHT_SCHEMES
from workbench.recipe.sections import Quantization

Keys = st.SearchStrategy[dict[str, Any]]


def merged(*strategies: Keys) -> Keys:
    return st.tuples(*strategies).map(lambda drawn: functools.reduce(operator.or_, drawn))


def choices(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def some(**keys: st.SearchStrategy[Any]) -> Keys:
    """Each key is optional."""
    return st.fixed_dictionaries({}, optional=keys)


def every(**keys: st.SearchStrategy[Any]) -> Keys:
    return st.fixed_dictionaries(keys)


unit = st.floats(0, 1)
part = choices(
    *("encoder", "encoder.*", "encoder.first", "encoder.prefilter", "encoder.prefilter.1", "encoder.narrow"),
    *("encoder.narrow.?", "encoder.toeplitz", "frontend", "frontend.*", "confidence", "nothing", "encoder.nothing"),
    *("encoder.prefilter.*.frequency.>=8", "encoder.prefilter.0.*.<4", "confidence.linear", "frontend.group.>0"),
)
base = merged(
    every(
        description=st.just("Drawn"),
        sample_rate_hz=choices(8000, 16_000, 44_100, 48_000) | st.integers(8000, 60_000),
        mirror=choices(0, 0.5, 1) | unit,
    ),
    some(
        checkpoint=choices("mir-1k_g7", "mir-1k"),
        streams=st.integers(1, 8),
        reduction=choices("alwa", "argmax", "mean"),
    ),
)
hop = choices(160, 320, 441, 480, 960) | st.integers(64, 2500)
one_size = st.builds(
    lambda hop, frames: {"chunk_samples": hop * frames, "frames_per_chunk": frames}, hop, st.integers(1, 8)
)
sizes = st.builds(
    lambda hop, least, more: {"chunk_samples": hop * least, "frames_per_chunk": {"min": least, "max": least + more}},
    *(hop, st.integers(1, 4), st.integers(1, 250)),
)
outputs = every(outputs=choices(["pitch"], ["volume", "pitch"])) | some(
    outputs=choices(["confidence", "pitch"], ["pitch", "volume", "confidence"]),
    postprocess=some(confidence_threshold=st.none() | unit),
)
plain_frontend = some(frontend=choices("upstream", "grouped"))
frontend = plain_frontend | merged(
    every(frontend=choices("low-rank", "three-stage")), some(frontend_tolerance=choices(1e-4, 1e-3, 1e-6, 0.1))
)


def lowering(backends: tuple[str, ...], **more: str) -> Keys:
    """The section for one of these backends, in each implementation."""
    fixed = every(backend=choices(*backends), **{key: st.just(value) for key, value in more.items()})
    fourier = merged(
        every(prefilter=choices("fourier", "fourier-shifted", "fourier-halved", "fourier-grouped")),
        some(prefilter_band=choices(1.0, 0.5, 1e-9)),
    )
    toeplitz = some(toeplitz=choices("linear", "conv", "block")) | every(
        toeplitz=st.just("block"), toeplitz_block=choices(4, 8, 16, 32)
    )
    initial_state = some(initial_state=choices("each-method", "once"))
    return every(lowering=merged(fixed, toeplitz, initial_state, st.just({}) | fourier))


def quantized(*schemes: str, **more: st.SearchStrategy[Any]) -> Keys:
    calibration = some(
        outside=st.floats(0, 0.49), seconds_per_clip=st.floats(0.1, 3600), seed=st.integers(0, 2**31 - 1), **more
    )
    parts = every(parts=st.dictionaries(part, choices("none", *schemes), min_size=1, max_size=3))
    return every(quantization=st.just("none") | merged(parts, calibration))


float_parts = {"leaky_relu": choices("int8", "float"), "residual_add": choices("int8", "float")}
any_scheme = quantized(
    *("int8-dynamic", "int8-static", "int8-static-per-tensor", *WEIGHT_SCHEMES),
    observer=choices("min-max", "moving-average", "histogram", "percentile"),
    **float_parts,
)
corrected = quantized(
    *("int8-static", "int8-static-per-tensor"), equalize=st.booleans(), correct_bias=st.booleans(), **float_parts
).filter(  # without a scheme, both have no effect
    lambda keys: keys["quantization"] == "none" or {"none"} != set(keys["quantization"]["parts"].values())
)
everywhere = merged(
    *(base, one_size, frontend, lowering(("xnnpack",)), every(quantization=st.just({"everywhere": True}))),
    every(streams=st.just(1), state=st.just("internal")),
)
portable = every(state=choices("internal", "explicit"))


def is_possible(keys: dict[str, Any]) -> bool:
    """Whether the backend has all of this; tests/recipe/limits/test_backends.py has what it does not have."""
    quantization, lowering = keys.get("quantization", "none"), Lowering(**keys.get("lowering", {}))
    if lowering_conflict(lowering, keys):
        return False
    if quantization == "none":
        return True
    frontend = keys.get("frontend", "upstream")
    return not quantization_conflict(Quantization(**quantization), lowering, frontend)


model = merged(base, sizes | one_size, outputs, frontend)
conv = every(lowering=every(backend=choices("xnnpack", "portable")))
recipes = (
    everywhere
    | merged(model, portable, lowering(("xnnpack", "portable")), any_scheme)
    | merged(model, portable, conv, corrected)
).filter(is_possible)

BACKENDS = ("xnnpack", "portable", "coreml", "vulkan", "openvino", "arm", "qualcomm")
backends = (
    recipes
    | merged(model, every(state=choices("explicit", "none")), lowering(BACKENDS))
    | merged(base, one_size, outputs, plain_frontend, every(state=st.just("none")), lowering(BACKENDS, scope="network"))
    | merged(
        *(base, one_size, outputs, frontend, every(state=choices("explicit", "none", "frozen"))),
        *(
            lowering(("onnx",)),
            quantized("int8-static", "int8-weights", "int16-weights", leaky_relu=choices("int8", "float")),
        ),
    )
    | merged(base, one_size, every(lowering=st.just({"backend": "torchscript", "toeplitz": "conv"})))
).filter(is_possible)
limit = st.builds("{} {!r}".format, choices("<=", ">="), st.floats(-1e9, 1e9) | st.integers(0, 99))
metric = choices("program.bytes", "deviation.pitch.p95_cents", "speed.speedup_low")
others = some(  # the model does not depend on these
    protocol=choices("continuous", "reset-per-chunk", "variant-reset-per-chunk", "baseline-reset-per-chunk"),
    trust_checkpoint=st.booleans(),
    audio=some(calibrate=choices(["a"], ["synthetic/*"]), score=choices(["sung/*"], ["sung/take-?"])),
    scoring=some(voiced_confidence=unit, min_voiced_frames=st.integers(1, 10_000_000)),
    speed=some(
        threads=st.integers(1, 1024),
        rounds=st.integers(3, 10_000),
        chunks_per_round=st.integers(1, 1_000_000),
        warmup_chunks=st.integers(1, 1_000_000),
    ),
    gates=st.dictionaries(metric, limit, max_size=3),
)
all_keys = merged(backends, others)
