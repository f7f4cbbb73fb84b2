"""int8 in the layers that a recipe names and in no other, in the graph and in the lowered program."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.progress import RecordedProgress
from tests.helpers.quantized import MIXED, float_model, quantized
from tests.helpers.sessions import RestatedSession
from workbench.errors import LoweringError
from workbench.export.executorch import lower
from workbench.export.intent_check import check_lowered
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.quantize.layers import layers
from workbench.quantize.pt2e import quantize
from workbench.quantize.results import Quantized
from workbench.recipe import Quantization
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import run_chunks

pytestmark = pytest.mark.slow
Mixed = tuple[StreamingPesto, Quantized]


def lower_as_quantized(model: StreamingPesto, result: Quantized, expected: Mapping[str, int]) -> bytes:
    """Returns the lowered stream, which has the expected int8 operators."""
    lowered = lower(model, "xnnpack")
    check_lowered(result, lowered)
    assert lowered.quantized_ops == expected
    return lowered.content


def test_only_the_scope_is_int8_in_graph_and_program(mixed: Mixed) -> None:
    model, result = mixed
    in_scope = {"encoder.prefilter.0.0", "encoder.prefilter.1.0"}
    assert {layer for layer, scheme in result.schemes.items() if scheme == "static"} == in_scope
    assert {scheme for layer, scheme in result.schemes.items() if layer not in in_scope} == {"none"}
    for part in (model.frontend, model.confidence, model.reduce):
        assert not isinstance(part, torch.fx.GraphModule)
    lower_as_quantized(model, result, {"convolution": 2, "leaky_relu": 2})


def test_ranges_are_those_of_the_scales(mixed: Mixed) -> None:
    _, result = mixed
    assert [found.scales for found in result.ranges if found.tensor == "weight"] == [40, 40]
    for found in result.ranges:
        assert found.observed_low <= found.low < found.high <= found.observed_high
        if found.tensor != "weight":  # 256 steps of the scale span the range
            assert found.scale * 255 == pytest.approx(max(found.high, 0) - min(found.low, 0), rel=1e-3)


def test_same_audio_gives_same_numbers_and_bytes(mixed: Mixed, phrase: np.ndarray) -> None:
    (first_model, first), (second_model, second) = mixed, quantized(MIXED, phrase)
    assert (first.schemes, first.ranges) == (second.schemes, second.ranges)
    assert first.calibration.gaps == second.calibration.gaps
    assert lower(first_model, "xnnpack").content == lower(second_model, "xnnpack").content


def test_two_halves_give_stability(phrase: np.ndarray) -> None:
    progress = RecordedProgress()
    _, result = quantized(MIXED, phrase[:24_000], phrase[24_000:], progress=progress)
    stability = result.calibration.stability
    assert stability is not None
    assert stability.tensors == len([found for found in result.ranges if found.tensor != "weight"])
    assert 0 < stability.scale_median_relative <= stability.scale_max_relative < 1
    assert stability.voiced_frames > 50
    assert 0 < stability.pitch_p95_cents < 10
    assert list(progress.stages) == ["calibrate", "stability", "layer errors"]
    assert all(done == total > 0 for done, total in progress.stages.values())


def test_equal_halves_are_stable_to_the_last_bit(phrase: np.ndarray) -> None:
    _, result = quantized(MIXED.model_copy(update={"equalize": True}), phrase, phrase)
    stability = result.calibration.stability
    assert (stability.scale_max_relative, stability.pitch_p95_cents) == (0, 0)


def test_silent_halves_have_no_voiced_frame(phrase: np.ndarray) -> None:
    silence = np.zeros(16_000, np.float32)
    _, result = quantized(MIXED, silence, silence)
    stability = result.calibration.stability
    assert stability.voiced_frames == 0 and stability.pitch_p95_cents is None
    assert stability.null_reasons == dict.fromkeys(("pitch_median_cents", "pitch_p95_cents"), "no voiced frame")


def test_stability_without_two_halves_is_null_with_a_reason(mixed: Mixed) -> None:
    calibration = mixed[1].calibration
    assert calibration.stability is None
    assert calibration.null_reasons == {"stability": "one clip cannot be split into halves"}


def test_dynamic_has_no_range_and_no_stability(phrase: np.ndarray) -> None:
    rules = Quantization(parts={"encoder": "int8-dynamic", "encoder.first": "none"})
    _, result = quantized(rules, phrase, phrase)
    assert result.schemes.pop("encoder.first.0") == "none"
    assert set(result.schemes.values()) == {"dynamic"}
    assert [found for found in result.ranges if found.tensor != "weight"] == []
    assert result.calibration.null_reasons == {"stability": "dynamic ranges do not depend on calibration audio"}


def test_residual_adds_are_int8_and_the_program_runs(phrase: np.ndarray, tmp_path: Path) -> None:
    parts = {"encoder.prefilter": "int8-static", "encoder.narrow": "int8-static"}
    model, result = quantized(Quantization(parts=parts, residual_add="int8"), phrase)
    operators = {"convolution": 6, "add": 2, "leaky_relu": 6}
    assert result.operators == operators
    program = tmp_path / "program.pte"
    program.write_bytes(lower_as_quantized(model, result, operators))
    with IsolatedProcess() as child:
        (frames,) = child.call(run_program, program, [phrase[:16_000]])
    restated = run_chunks(RestatedSession(model), phrase[:16_000])
    cents = 100 * np.abs(frames.pitch_semitones - restated.pitch_semitones)[restated.confidence >= 0.5]
    assert len(cents) > 15 and np.median(cents) < 1  # torch emulates int8, XNNPACK's kernels round differently


def test_residual_adds_after_no_int8_layer_are_refused(phrase: np.ndarray) -> None:
    rules = Quantization(parts={"encoder.narrow": "int8-static"}, residual_add="int8")
    with pytest.raises(LoweringError, match="no add comes after a static int8 layer"):
        quantized(rules, phrase)


@pytest.mark.parametrize(
    ("implementations", "rules"),
    [
        (Implementations("low-rank", toeplitz="block"), MIXED),
        (
            Implementations("low-rank", "fourier", "block", 0.2),
            Quantization(parts={"encoder.prefilter": "int8-dynamic"}),
        ),
    ],
    ids=["static convolutions", "dynamic frequencies"],
)
def test_sizes_state_and_streams_change_no_estimate(
    implementations: Implementations, rules: Quantization, phrase: np.ndarray, tmp_path: Path
) -> None:
    clips = [phrase[:16_000], phrase[16_000:40_000]]
    plain = StreamConfig(16_000, 320, 1, 0.0)  # without mirror an estimate does not depend on the chunks
    rich = StreamConfig(16_000, 320, 1, 0.0, max_frames_per_chunk=4, streams=2)
    frames = []
    for stream, state in ((plain, "internal"), (rich, "explicit")):
        model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream, implementations, state)
        result = quantize(model, rules, [torch.tensor(phrase)], 0.5, RecordedProgress())
        lowered = lower(model, "xnnpack")
        check_lowered(result, lowered)
        program = tmp_path / f"{state}.pte"
        program.write_bytes(lowered.content)
        with IsolatedProcess() as child:
            if stream is plain:
                frames.append([child.call(run_program, program, [clip])[0] for clip in clips])
            else:
                frames.append(child.call(run_program, program, clips, [3, 1, 4, 2]))
    for single, together in zip(*frames, strict=True):
        np.testing.assert_array_equal(together.pitch_semitones, single.pitch_semitones)
        np.testing.assert_array_equal(together.confidence, single.confidence)


def test_every_frequency_is_a_separate_layer(phrase: np.ndarray) -> None:
    rules = {"encoder.prefilter": "int8-static", "encoder.prefilter.1.0.frequency.0": "none"}
    implementations = Implementations("low-rank", "fourier", "block", 0.5)
    model, result = quantized(Quantization(parts=rules), phrase, implementations=implementations)
    frequencies = [f"encoder.prefilter.{index}.0.frequency.{number}" for index in (0, 1) for number in range(15)]
    assert {layer: scheme for layer, scheme in result.schemes.items() if layer in frequencies} == {
        layer: "none" if layer == "encoder.prefilter.1.0.frequency.0" else "static" for layer in frequencies
    }
    assert result.weight_bytes == 29 * 80 * 80
    lower_as_quantized(model, result, {"linear": 29, "leaky_relu": 2})


def test_front_end_and_confidence_have_layers_too(phrase: np.ndarray) -> None:
    rules = Quantization(parts={"frontend.group.*.expand": "int8-dynamic", "confidence.linear": "int8-static"})
    model, result = quantized(rules, phrase)
    frontend = [layer for layer in layers(float_model()) if layer.startswith("frontend.")]
    assert result.schemes == {
        **{layer: "dynamic" if layer.endswith(".expand") else "none" for layer in frontend},
        "confidence.conv": "none",
        "confidence.linear": "static",
    }
    lower_as_quantized(model, result, {"linear": 1 + sum(layer.endswith(".expand") for layer in frontend)})


def test_pitch_is_near_the_float_stream(mixed: Mixed, phrase: np.ndarray) -> None:
    exact, frames = (run_chunks(RestatedSession(model), phrase) for model in (float_model(), mixed[0]))
    voiced = exact.confidence >= 0.5
    assert voiced.sum() > 50
    cents = 100 * np.abs(frames.pitch_semitones - exact.pitch_semitones)[voiced]
    assert 0 < np.percentile(cents, 95) <= 3


def test_scheme_that_xnnpack_lacks_is_refused(phrase: np.ndarray) -> None:
    with pytest.raises(LoweringError, match=r"encoder\.first\.0 is none, expected dynamic \(XNNPACK has no dynamic"):
        quantized(Quantization(parts={"encoder.first": "int8-dynamic"}), phrase)
