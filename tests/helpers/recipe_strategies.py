"""Strategies of hypothesis for recipes: `recipes` has the keys that a model is built from, `all_keys` has all."""

import functools
import operator
from typing import Any

from hypothesis import strategies as st

scheme = st.sampled_from(["none", "int8-dynamic", "int8-static", "int8-static-per-tensor"])
part = st.one_of(
    st.sampled_from(["encoder", "encoder.*", "encoder.first", "encoder.prefilter", "encoder.prefilter.1"]),
    st.sampled_from(["encoder.narrow", "encoder.narrow.?", "encoder.toeplitz", "frontend", "frontend.*"]),
    st.sampled_from(["confidence", "nothing", "encoder.nothing"]),
)
unit = st.floats(0, 1)


def some_of(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


recipes = st.fixed_dictionaries(
    {
        "description": st.just("Drawn"),
        "sample_rate_hz": st.one_of(st.sampled_from([8000, 16_000, 44_100, 48_000]), st.integers(7000, 60_000)),
        "chunk_samples": st.one_of(st.sampled_from([160, 320, 441, 480, 960, 4096]), st.integers(0, 20_000)),
        "mirror": st.one_of(st.sampled_from([0, 0.5, 1]), unit),
    },
    optional={
        "checkpoint": st.sampled_from(["mir-1k_g7", "mir-1k"]),
        "frames_per_chunk": st.one_of(
            st.integers(0, 8), st.fixed_dictionaries({"min": st.integers(0, 4), "max": st.integers(1, 300)})
        ),
        "streams": st.integers(0, 8),
        "reduction": st.sampled_from(["alwa", "argmax", "mean"]),
        "state": st.sampled_from(["internal", "explicit"]),
        "outputs": st.lists(st.sampled_from(["pitch", "confidence", "volume"]), max_size=3),
        "frontend": st.sampled_from(["upstream", "grouped", "low-rank"]),
        "frontend_tolerance": st.sampled_from([1e-4, 1e-3, 1e-6, 0.1]),
        "lowering": some_of(
            backend=st.sampled_from(["xnnpack", "portable"]),
            toeplitz=st.sampled_from(["linear", "conv", "block"]),
            prefilter=st.sampled_from(["conv", "fourier"]),
            prefilter_band=st.sampled_from([1.0, 0.5, 1e-9]),
        ),
        "quantization": st.one_of(
            st.just("none"),
            some_of(
                parts=st.dictionaries(part, scheme, max_size=3),
                everywhere=st.booleans(),
                equalize=st.booleans(),
                correct_bias=st.booleans(),
            ),
        ),
    },
)


backend = st.sampled_from(["xnnpack", "portable", "coreml", "vulkan", "openvino", "arm", "qualcomm"])
backends = st.one_of(  # few independent combinations of backend, state and scope are valid
    st.fixed_dictionaries(
        {"lowering": st.fixed_dictionaries({"backend": backend}), "state": st.sampled_from(["explicit", "none"])}
    ),
    st.fixed_dictionaries(
        {
            "lowering": st.fixed_dictionaries({"backend": backend, "scope": st.just("network")}),
            "state": st.just("none"),
            "frontend": st.sampled_from(["upstream", "grouped"]),
        }
    ),
    st.fixed_dictionaries(
        {"lowering": st.just({"backend": "onnx"}), "state": st.sampled_from(["explicit", "none", "frozen"])}
    ),
    st.just({"lowering": {"backend": "torchscript", "toeplitz": "conv"}}),
    st.just({}),
)
patterns = st.lists(st.sampled_from(["synthetic/*", "sung/*", "sung/take-?", "a"]), min_size=1, max_size=3)
limit = st.builds("{} {!r}".format, st.sampled_from(["<=", ">="]), st.one_of(st.floats(-1e9, 1e9), st.integers(0, 99)))
metric = st.sampled_from(["program.bytes", "deviation.pitch.p95_cents", "speed.speedup_low"])
others = some_of(  # the model does not depend on these
    protocol=st.sampled_from(["continuous", "reset-per-chunk", "variant-reset-per-chunk", "baseline-reset-per-chunk"]),
    trust_checkpoint=st.booleans(),
    quantization=st.fixed_dictionaries(
        {"parts": st.dictionaries(part, scheme, min_size=1, max_size=3)},
        optional={
            "observer": st.sampled_from(["min-max", "moving-average", "histogram", "percentile"]),
            "outside": st.floats(0, 0.49),
            "seconds_per_clip": st.floats(0.1, 3600),
            "seed": st.integers(0, 2**31 - 1),
            "leaky_relu": st.sampled_from(["int8", "float"]),
            "residual_add": st.sampled_from(["int8", "float"]),
        },
    ),
    audio=some_of(calibrate=patterns, score=patterns),
    scoring=some_of(voiced_confidence=unit, min_voiced_frames=st.integers(1, 10_000_000)),
    postprocess=some_of(confidence_threshold=st.one_of(st.none(), unit)),
    speed=some_of(
        threads=st.integers(1, 1024),
        rounds=st.integers(3, 10_000),
        chunks_per_round=st.integers(1, 1_000_000),
        warmup_chunks=st.integers(1, 1_000_000),
    ),
    gates=st.dictionaries(metric, limit, max_size=3),
)
all_keys = st.builds(lambda keys, *more: functools.reduce(operator.or_, more, keys), recipes, backends, others)
