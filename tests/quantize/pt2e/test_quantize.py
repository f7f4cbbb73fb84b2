"""int8 in the layers that a recipe names and in no other, in the graph and in the lowered program."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.frames import assert_same
from tests.helpers.models.quantized import MIXED, STREAM, float_model, phrase, quantized
from tests.helpers.progress import RecordedProgress
from tests.helpers.sessions import RestatedSession
from workbench.errors import LoweringError
from workbench.export.executorch import lower
from workbench.export.intent_check import check_lowered
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.pt2e.quantize import Calibrator, quantize
from workbench.recipe import Quantization
from workbench.recipe.options import Scheme, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames, run_chunks


def voiced_cents(frames: Frames, expected: Frames) -> np.ndarray:
    voiced = expected.confidence >= 0.5
    assert voiced.sum() > 15
    return 100 * np.abs(frames.pitch_semitones - expected.pitch_semitones)[voiced]


@pytest.mark.parametrize(
    ("schemes", "clips", "reason"),
    [
        (["int8-static", "int8-dynamic"], 2, None),
        (["int8-static"], 1, "one clip cannot be split into halves"),
        (["int8-dynamic"], 2, "dynamic ranges do not depend on calibration audio"),
        (["none"], 2, "no range is fixed"),
    ],
)
def test_stability_requires_fixed_ranges_and_two_clips(schemes: list[Scheme], clips: int, reason: str | None) -> None:
    rules = Quantization(parts=dict(zip(("encoder.narrow", "encoder.prefilter"), schemes, strict=False)))
    calibrator = Calibrator(float_model(), rules, [torch.zeros(640)] * clips, Progress())
    assert calibrator.no_stability_reason() == reason


def test_only_weights_need_no_audio() -> None:
    progress = RecordedProgress()
    model, result = quantized(Quantization(parts={"frontend": "int12-weights"}), progress=progress)
    assert result.calibration is None and result.ranges == ()
    assert set(progress.stages) == {"weights"}
    assert set(result.schemes.values()) == {"int12-weights"}
    window = torch.tensor(phrase()[None, 8000 : 8000 + model.past_samples + STREAM.chunk_samples])
    energy, exact = (side.frontend(side.framing(window)) for side in (model, float_model()))
    assert (energy - exact).abs().max() < 1e-3 * exact.max()


STATIC = {"encoder.prefilter": "int8-static", "encoder.narrow": "int8-static"}
FREQUENCIES = {"encoder.prefilter": "int8-static", "encoder.prefilter.1.0.frequency.0": "none"}
DYNAMIC = {"encoder.prefilter": "int8-dynamic", "frontend.group.*.expand": "int8-dynamic"}
WEIGHTS = {
    "encoder.first": "int8-weights",
    "encoder.prefilter.*.frequency.>=5": "int4-weights",
    "frontend.group.0.project": "int12-weights",
}


PLAIN = StreamConfig(16_000, 320, 1, 0.0)  # without mirror an estimate does not depend on the chunks
RICH = replace(PLAIN, max_frames_per_chunk=4, streams=2)
IN_PLAIN, IN_RICH = (PLAIN, "internal", None), (RICH, "explicit", [3, 1, 4, 2])


@pytest.fixture(scope="module")
def child() -> Iterator[IsolatedProcess]:
    """One process for all programs, so that the runtime is imported once."""
    with IsolatedProcess() as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "prefilter", "operators", "forms"),
    [
        (
            Quantization(parts=STATIC, residual_add="int8"),
            "conv",
            {"convolution": 6, "add": 2, "leaky_relu": 6},
            [IN_PLAIN],
        ),
        (Quantization(parts=FREQUENCIES), "fourier", {"linear": 11, "leaky_relu": 2}, [IN_PLAIN]),
        (
            Quantization(parts={**DYNAMIC, **WEIGHTS, "confidence.linear": "int8-static"}),
            "fourier-halved",
            {"linear": 15, "linear_int8_weights": 2, "linear_int4_weights": 3},
            [IN_RICH, IN_PLAIN],
        ),
        (
            Quantization(parts={"encoder.prefilter": "int8-dynamic"}),
            "fourier-grouped",
            {"convolution": 2},
            [IN_RICH, IN_PLAIN],
        ),
    ],
    ids=["residual adds", "frequencies", "all parts", "groups"],
)
def test_int8_operators_are_those_of_the_rules(
    rules: Quantization,
    prefilter: str,
    operators: dict[str, int],
    forms: list[tuple[StreamConfig, State, list[int] | None]],
    tmp_path: Path,
    child: IsolatedProcess,
) -> None:
    """In every form of the stream, whose frames are equal to the last bit."""
    clips = [phrase()[:16_000], phrase()[16_000:32_000]]
    implementations, frames = Implementations("low-rank", prefilter, "block", 0.2), []
    for stream, state, sizes in forms:
        model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream, implementations, state)
        result = quantize(model, rules, [torch.tensor(phrase()[8_000:32_000])], 0.5, Progress())
        lowered = lower(model, "xnnpack")
        check_lowered(result, lowered)
        assert lowered.quantized_ops == result.operators == operators
        program = tmp_path / f"{state}.pte"
        program.write_bytes(lowered.content)
        frames.append(child.call(run_program, program, clips, sizes))
    for together, single in zip(frames[0], frames[-1], strict=True):
        assert_same(together, single)
    restated = run_chunks(RestatedSession(model), clips[0])  # torch emulates int8, XNNPACK's kernels round differently
    assert np.median(voiced_cents(frames[-1][0], restated)) < 1


@pytest.mark.slow
def test_same_audio_gives_same_ranges_bytes_and_pitch() -> None:
    (model, first), (again, second) = (quantized(MIXED, phrase()) for _ in range(2))
    assert (first.schemes, first.ranges) == (second.schemes, second.ranges)
    assert first.calibration.gaps == second.calibration.gaps
    assert first.calibration.null_reasons == {"stability": "one clip cannot be split into halves"}
    assert lower(model, "xnnpack").content == lower(again, "xnnpack").content
    frames, exact = (run_chunks(RestatedSession(side), phrase()) for side in (model, float_model()))
    assert 0 < np.percentile(voiced_cents(frames, exact), 95) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [{}, {"encoder.narrow": "int8-dynamic"}], ids=["static", "with dynamic layers"])
def test_two_halves_give_stability(dynamic: dict[str, Scheme]) -> None:
    progress = RecordedProgress()
    rules = MIXED.model_copy(update={"parts": {**MIXED.parts, **dynamic}})
    _, result = quantized(rules, phrase()[:24_000], phrase()[24_000:], progress=progress)
    stability = result.calibration.stability
    assert stability.tensors == len([found for found in result.ranges if found.tensor != "weight"])
    assert 0 < stability.scale_median_relative <= stability.scale_max_relative < 1
    assert stability.voiced_frames > 50
    assert 0 < stability.pitch_p95_cents < 10
    assert list(progress.stages) == ["calibrate", "stability", "layer errors"]
    assert all(done == total > 0 for done, total in progress.stages.values())


@pytest.mark.slow
@pytest.mark.parametrize("gain", [1, 0], ids=["sung", "silent"])
def test_equal_halves_are_stable_to_the_last_bit(gain: float) -> None:
    _, result = quantized(MIXED.model_copy(update={"equalize": True}), *[gain * phrase()] * 2)
    stability = result.calibration.stability
    assert (stability.scale_max_relative, stability.pitch_p95_cents) == (0, 0 if gain else None)
    nulls = () if gain else ("pitch_median_cents", "pitch_p95_cents")
    assert stability.null_reasons == dict.fromkeys(nulls, "no voiced frame")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "scheme", "residual_add", "message"),
    [
        ("encoder.narrow", "int8-static", "int8", "no add comes after a static int8 layer"),
        ("encoder.first", "int8-dynamic", "float", r"first\.0 is none, expected dynamic \(XNNPACK has no dynamic"),
    ],
)
def test_rules_without_an_int8_kernel_are_refused(layer: str, scheme: Scheme, residual_add: str, message: str) -> None:
    with pytest.raises(LoweringError, match=message):
        quantized(Quantization(parts={layer: scheme}, residual_add=residual_add), phrase())
