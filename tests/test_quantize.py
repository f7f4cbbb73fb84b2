"""int8 where a recipe asks for it and nowhere else, on a 16 kHz stream and one sung phrase."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.audio.corpus import Corpus
from workbench.errors import LoweringError, ModelError
from workbench.export.lower import lower
from workbench.export.program import Lowered, Quantized
from workbench.export.quantize import check_lowered, check_rules, layers, part_inputs, quantize
from workbench.model.pesto import load_upstream
from workbench.model.stream import Stream
from workbench.model.streaming import StreamingPesto
from workbench.recipe import Quantization
from workbench.runtime.eager import RestatedSession
from workbench.runtime.session import roll

STREAM = Stream(16_000, 320, 1, 1.0)
MIXED = Quantization(parts={"encoder.prefilter": "int8-static"}, observer="percentile")


def told(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture(scope="module")
def phrase() -> np.ndarray:
    corpus = Corpus(Path(__file__).parent.parent / "calib_audio")
    return corpus.read("synthetic/calibrate/phrase-mezzo", STREAM.sample_rate_hz).samples[:48_000]


def model() -> StreamingPesto:
    return StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, "block", "low-rank")


def quantized(asked: Quantization, phrase: np.ndarray) -> tuple[StreamingPesto, Quantized]:
    made = model()
    torch.set_num_threads(1)
    return made, quantize(made, asked, part_inputs(made, [torch.tensor(phrase)]), told)


def test_part_inputs_are_what_the_stream_computes(phrase: np.ndarray) -> None:
    stream, batched = model(), part_inputs(model(), [torch.tensor(phrase)] * 2)
    heard = []
    stream.encoder.register_forward_hook(lambda module, inputs, output: heard.append(inputs[0]))
    roll(RestatedSession(stream), phrase)
    rows = torch.cat(heard)
    torch.testing.assert_close(batched["encoder"][0], torch.cat((rows, rows)), rtol=1e-4, atol=1e-4)


def test_a_rule_that_reaches_nothing_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"^quantization\.parts: decoder: no such part with a layer; there are frontend\."
    ):
        check_rules(model(), Quantization(parts={"decoder": "int8-static", "encoder": "int8-dynamic"}))


def test_every_layer_can_be_named() -> None:
    assert {"encoder.first.0", "encoder.prefilter.1.0", "encoder.toeplitz.conv", "confidence.linear"} < set(
        layers(model())
    )


@pytest.mark.slow
class TestQuantized:
    def test_only_the_scope_is_int8_in_graph_and_program(self, phrase: np.ndarray) -> None:
        stream, made = quantized(MIXED, phrase)
        in_scope = {"encoder.prefilter.0.0", "encoder.prefilter.1.0"}
        assert {name for name, scheme in made.schemes.items() if scheme == "static"} == in_scope
        assert {scheme for name, scheme in made.schemes.items() if name not in in_scope} == {"none"}
        for part in (stream.frontend, stream.confidence, stream.reduce):
            assert not isinstance(part, torch.fx.GraphModule)
        lowered = lower(stream, "xnnpack")
        check_lowered(made, lowered)
        assert lowered.quantized_ops == {"convolution": 2}
        assert not any("quantize" in name for name in lowered.portable_ops)

    def test_what_was_observed_is_recorded(self, phrase: np.ndarray) -> None:
        _, made = quantized(MIXED, phrase)
        weights = [found for found in made.ranges if found.tensor == "weight"]
        assert [found.scales for found in weights] == [40, 40]
        for found in made.ranges:
            assert found.low < found.high
            if found.tensor != "weight":  # the range is what 256 steps of the scale span
                assert found.scale * 255 == pytest.approx(max(found.high, 0) - min(found.low, 0), rel=1e-3)

    def test_twice_the_same_audio_gives_the_same_numbers_and_bytes(self, phrase: np.ndarray) -> None:
        (one, first), (other, second) = quantized(MIXED, phrase), quantized(MIXED, phrase)
        assert first == second
        assert lower(one, "xnnpack").pte == lower(other, "xnnpack").pte

    def test_pitch_stays_near_the_float_stream(self, phrase: np.ndarray) -> None:
        stream, _ = quantized(MIXED, phrase)
        float_frames, frames = roll(RestatedSession(model()), phrase), roll(RestatedSession(stream), phrase)
        voiced = float_frames.confidence >= 0.5
        assert voiced.sum() > 50
        cents = 100 * np.abs(frames.pitch_semitones - float_frames.pitch_semitones)[voiced]
        assert 0 < np.percentile(cents, 95) <= 3

    def test_dynamic_needs_no_range(self, phrase: np.ndarray) -> None:
        asked = Quantization(parts={"encoder": "int8-dynamic", "encoder.first": "none"})
        _, made = quantized(asked, phrase)
        assert made.schemes.pop("encoder.first.0") == "none"
        assert set(made.schemes.values()) == {"dynamic"}
        assert [found for found in made.ranges if found.tensor != "weight"] == []

    def test_a_layer_that_did_not_become_what_was_asked_is_an_error(self, phrase: np.ndarray) -> None:
        with pytest.raises(LoweringError) as caught:
            quantized(Quantization(parts={"encoder.first": "int8-dynamic"}), phrase)
        assert str(caught.value).startswith(
            "quantization came out other than asked: encoder.first.0: asked dynamic, got none (XNNPACK takes no dynamic"
        )


def test_a_program_with_fewer_int8_layers_than_asked_is_an_error() -> None:
    lowered = Lowered(b"", {}, {"dequantize_per_tensor": 2}, (), {"convolution": 1}, {}, {}, {})
    with pytest.raises(LoweringError) as caught:
        check_lowered(Quantized({"a": "static", "b": "dynamic", "c": "none"}, ()), lowered)
    assert str(caught.value) == (
        "the program does not do what was asked: 2 layers in int8, 1 came out of lowering, and 2 quantize or "
        "dequantize operators stayed outside the delegate"
    )
