"""int8 where a recipe asks for it and nowhere else, on a 16 kHz stream and one sung phrase."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.progress import RecordedProgress
from tests.helpers.sessions import RestatedSession
from workbench.audio.corpus import Corpus
from workbench.errors import LoweringError, ModelError
from workbench.export.executorch import lower
from workbench.export.intent_check import check_lowered
from workbench.export.program_file import ExecutorchNodes, ExportedProgram
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.quantize.calibration import excerpts, part_inputs, split_in_half
from workbench.quantize.equalize import equalize
from workbench.quantize.layers import layers
from workbench.quantize.pt2e import quantize
from workbench.quantize.results import Calibration, Quantized
from workbench.quantize.scopes import check_scopes
from workbench.recipe import Quantization
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import run_chunks

STREAM = StreamConfig(16_000, 320, 1, 1.0)
Made = tuple[StreamingPesto, Quantized]
MIXED = Quantization(parts={"encoder.prefilter": "int8-static"}, observer="percentile")


@pytest.fixture(scope="module")
def phrase() -> np.ndarray:
    corpus = Corpus(Path(__file__).parent.parent.parent / "calib_audio")
    return corpus.read("synthetic/calibrate/phrase-mezzo", STREAM.sample_rate_hz).samples[:48_000]


def model() -> StreamingPesto:
    return StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, Implementations("low-rank", toeplitz="block"))


def quantized(
    asked: Quantization, *clips: np.ndarray, progress: RecordedProgress | None = None
) -> tuple[StreamingPesto, Quantized]:
    made = model()
    torch.set_num_threads(1)
    return made, quantize(made, asked, [torch.tensor(clip) for clip in clips], 0.5, progress or RecordedProgress())


def test_part_inputs_are_what_the_stream_computes(phrase: np.ndarray) -> None:
    stream, batched = model(), part_inputs(model(), [torch.tensor(phrase)] * 2)
    heard = []
    stream.encoder.register_forward_hook(lambda module, inputs, output: heard.append(inputs[0]))
    run_chunks(RestatedSession(stream), phrase)
    rows = torch.cat(heard)
    torch.testing.assert_close(batched["encoder"][0], torch.cat((rows, rows)), rtol=1e-4, atol=1e-4)


def test_a_rule_that_reaches_nothing_is_refused() -> None:
    with pytest.raises(
        ModelError,
        match=r"^quantization\.parts: decoder: matches no layer \(unknown name, or overridden by more specific",
    ):
        check_scopes(model(), Quantization(parts={"decoder": "int8-static", "encoder": "int8-dynamic"}))


def test_every_layer_can_be_named() -> None:
    assert {"encoder.first.0", "encoder.prefilter.1.0", "encoder.toeplitz.conv", "confidence.linear"} < set(
        layers(model())
    )


def test_excerpts_are_drawn_by_the_seed_within_the_clip() -> None:
    ramp = torch.arange(1000.0)
    (one,), (again,), (other,) = (excerpts([ramp], 100, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    for taken in (one, other):
        assert torch.equal(taken, ramp[int(taken[0]) :][:100])
    assert torch.equal(excerpts([ramp], 2000, 1)[0], ramp)


def test_halves_are_disjoint_and_hold_every_clip() -> None:
    clips = [torch.full((3,), float(number)) for number in range(7)]
    one, other = ({float(clip[0]) for clip in half} for half in split_in_half(clips, 0))
    assert (len(one), len(other)) == (4, 3)
    assert one | other == set(map(float, range(7)))
    assert split_in_half(clips[:1], 0) == [clips[:1], []]


def test_equalizing_changes_the_weights_and_not_the_answers(phrase: np.ndarray) -> None:
    stream = model()
    rows = part_inputs(stream, [torch.tensor(phrase)])["encoder"][0]
    before, weight = stream.encoder(rows), stream.encoder.prefilter[0][0].weight.clone()
    largest: dict[str, list[torch.Tensor]] = {"before": [], "after": []}

    def watch(when: str) -> None:
        hook = stream.encoder.narrow[0].register_forward_pre_hook(
            lambda _, inputs: largest[when].append(inputs[0].abs().amax((0, 2, 3)))
        )
        stream.encoder(rows)
        hook.remove()

    watch("before")
    equalize(stream.encoder, rows)
    watch("after")
    assert not torch.allclose(stream.encoder.prefilter[0][0].weight, weight, rtol=0.1)
    torch.testing.assert_close(stream.encoder(rows), before, rtol=1e-3, atol=1e-6)
    spread = {when: float(found[0].max() / found[0].min()) for when, found in largest.items()}
    assert spread["after"] < spread["before"]  # what it is for: channels of more equal size


@pytest.fixture(scope="module")
def mixed(phrase: np.ndarray) -> Made:
    """The model and what was made of it by what most tests here ask for."""
    return quantized(MIXED, phrase)


@pytest.mark.slow
class TestQuantized:
    def test_only_the_scope_is_int8_in_graph_and_program(self, mixed: Made) -> None:
        stream, made = mixed
        in_scope = {"encoder.prefilter.0.0", "encoder.prefilter.1.0"}
        assert {name for name, scheme in made.schemes.items() if scheme == "static"} == in_scope
        assert {scheme for name, scheme in made.schemes.items() if name not in in_scope} == {"none"}
        for part in (stream.frontend, stream.confidence, stream.reduce):
            assert not isinstance(part, torch.fx.GraphModule)
        lowered = lower(stream, "xnnpack")
        check_lowered(made, lowered)
        assert lowered.quantized_ops == {"convolution": 2, "leaky_relu": 2}
        assert not any("quantize" in name for name in lowered.portable_ops)

    def test_what_was_observed_is_recorded(self, mixed: Made) -> None:
        _, made = mixed
        weights = [found for found in made.ranges if found.tensor == "weight"]
        assert [found.scales for found in weights] == [40, 40]
        for found in made.ranges:
            assert found.low < found.high
            assert found.observed_low <= found.low < found.high <= found.observed_high
            if found.tensor != "weight":  # the range is what 256 steps of the scale span
                assert found.scale * 255 == pytest.approx(max(found.high, 0) - min(found.low, 0), rel=1e-3)

    def test_twice_the_same_audio_gives_the_same_numbers_and_bytes(self, mixed: Made, phrase: np.ndarray) -> None:
        (one, first), (other, second) = mixed, quantized(MIXED, phrase)
        assert (first.schemes, first.ranges) == (second.schemes, second.ranges)
        assert first.calibration.gaps == second.calibration.gaps
        assert lower(one, "xnnpack").pte == lower(other, "xnnpack").content

    def test_two_halves_tell_how_stable_the_ranges_are(self, phrase: np.ndarray) -> None:
        progress = RecordedProgress()
        _, made = quantized(MIXED, phrase[:24_000], phrase[24_000:], progress=progress)
        stable = made.calibration.stability
        assert stable is not None
        assert stable.tensors == len([found for found in made.ranges if found.tensor != "weight"])
        assert 0 < stable.scale_median_relative <= stable.scale_max_relative < 1
        assert stable.voiced_frames > 50
        assert 0 < stable.pitch_p95_cents < 10
        assert {stage: done == total for stage, (done, total) in progress.stages.items()} == {
            "calibrate": True,
            "stability": True,
            "layer errors": True,
        }

    def test_the_same_audio_in_both_halves_is_stable_to_the_last_bit(self, phrase: np.ndarray) -> None:
        _, made = quantized(MIXED, phrase, phrase)
        assert made.calibration.stability.scale_max_relative == 0
        assert made.calibration.stability.pitch_p95_cents == 0

    def test_without_two_halves_stability_is_null_with_a_reason(self, mixed: Made, phrase: np.ndarray) -> None:
        _, made = mixed
        assert made.calibration.stability is None
        assert made.calibration.null_reasons == {"stability": "one clip cannot be split into halves"}
        asked = Quantization(parts={"encoder.prefilter": "int8-dynamic"})
        _, made = quantized(asked, phrase, phrase)
        assert made.calibration.null_reasons == {"stability": "a dynamic range depends on no calibration audio"}

    def test_gaps_say_where_the_error_is_made(self, mixed: Made) -> None:
        _, made = mixed
        gaps = {gap.layer: gap for gap in made.calibration.gaps}
        assert list(gaps) == [name for name in layers(model()) if name.startswith("encoder.")]
        assert gaps["encoder.first.0"].through_db is gaps["encoder.first.0"].alone_db is None  # nothing before it
        wide = [gaps[f"encoder.prefilter.{at}.0"] for at in (0, 1)]
        assert wide[0].through_db == pytest.approx(wide[0].alone_db)
        assert 20 < wide[1].through_db < wide[1].alone_db < 60
        last = gaps["encoder.narrow.6"]  # float, and fed by float layers: it makes no error, and passes on what came
        assert last.alone_db is None and 20 < last.through_db < 60

    def test_corrected_biases_bring_the_mean_error_to_nothing(self, phrase: np.ndarray) -> None:
        asked = Quantization(parts={"encoder": "int8-static", "encoder.first": "none"})
        rows = part_inputs(model(), [torch.tensor(phrase)])["encoder"][0]

        def bias_error(correct: bool) -> float:
            stream, made = quantized(asked.model_copy(update={"correct_bias": correct}), phrase)
            assert made.calibration.corrected_biases == (6 if correct else 0)
            seen = {}
            for name, encoder in (("int8", stream.encoder), ("float", model().encoder)):
                logits = encoder(rows).clamp(min=1e-30).log()
                seen[name] = logits - logits.mean(-1, keepdim=True)
            return float((seen["int8"] - seen["float"]).mean(0).abs().mean())

        assert bias_error(correct=True) < bias_error(correct=False)

    def test_residual_adds_are_int8_where_asked_and_the_program_runs(self, phrase: np.ndarray, tmp_path: Path) -> None:
        parts = {"encoder.prefilter": "int8-static", "encoder.narrow": "int8-static"}
        stream, made = quantized(Quantization(parts=parts, residual_add="int8"), phrase)
        assert made.operators == {"convolution": 6, "add": 2, "leaky_relu": 6}
        lowered = lower(stream, "xnnpack")
        check_lowered(made, lowered)
        program = tmp_path / "program.pte"
        program.write_bytes(lowered.content)
        with IsolatedProcess() as child:
            (frames,) = child.call(run_program, program, [phrase[:16_000]])
        restated = run_chunks(RestatedSession(stream), phrase[:16_000])
        cents = 100 * np.abs(frames.pitch_semitones - restated.pitch_semitones)[restated.confidence >= 0.5]
        assert len(cents) > 15 and np.median(cents) < 1  # the emulation in eager, and XNNPACK's kernels

    def test_residual_adds_in_int8_behind_no_layer_in_int8_are_an_error(self, phrase: np.ndarray) -> None:
        asked = Quantization(parts={"encoder.narrow": "int8-static"}, residual_add="int8")
        with pytest.raises(LoweringError, match="residual_add is int8, but no add comes after a static int8 layer"):
            quantized(asked, phrase)

    @pytest.mark.parametrize(
        ("forms", "asked"),
        [
            (Implementations("low-rank", toeplitz="block"), MIXED),
            (
                Implementations("low-rank", "fourier", "block", 0.2),
                Quantization(parts={"encoder.prefilter": "int8-dynamic"}),
            ),
        ],
        ids=["static convolutions", "dynamic frequencies"],
    )
    def test_sizes_explicit_state_and_streams_change_nothing(
        self, forms: Implementations, asked: Quantization, phrase: np.ndarray, tmp_path: Path
    ) -> None:
        plain = StreamConfig(16_000, 320, 1, 0.0)  # without mirror an estimate does not depend on the cut
        rich = StreamConfig(16_000, 320, 1, 0.0, max_frames_per_chunk=4, streams=2)
        rolls = []
        for stream, state in ((plain, "internal"), (rich, "explicit")):
            made = StreamingPesto(load_upstream("mir-1k_g7", stream), stream, forms, state)
            done = quantize(made, asked, [torch.tensor(phrase)], 0.5, RecordedProgress())
            lowered = lower(made, "xnnpack")
            check_lowered(done, lowered)
            program = tmp_path / f"{state}.pte"
            program.write_bytes(lowered.content)
            clips = [phrase[:16_000], phrase[16_000:40_000]]
            with IsolatedProcess() as child:
                if stream is plain:
                    rolls.append([child.call(run_program, program, [clip])[0] for clip in clips])
                else:
                    rolls.append(child.call(run_program, program, clips, [3, 1, 4, 2]))
        for solo, together in zip(*rolls, strict=True):
            np.testing.assert_array_equal(together.pitch_semitones, solo.pitch_semitones)
            np.testing.assert_array_equal(together.confidence, solo.confidence)

    def test_every_frequency_is_a_layer_of_its_own(self, phrase: np.ndarray) -> None:
        forms = Implementations("low-rank", "fourier", "block", 0.5)
        stream = StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, forms)
        rules = {"encoder.prefilter": "int8-static", "encoder.prefilter.1.0.frequency.0": "none"}
        made = quantize(stream, Quantization(parts=rules), [torch.tensor(phrase)], 0.5, RecordedProgress())
        of = [f"encoder.prefilter.{at}.0.frequency.{number}" for at in (0, 1) for number in range(15)]
        assert {name: scheme for name, scheme in made.schemes.items() if name in of} == {
            name: "none" if name == "encoder.prefilter.1.0.frequency.0" else "static" for name in of
        }
        assert made.operators == {"linear": 29, "leaky_relu": 2}
        assert made.weight_bytes == 29 * 80 * 80
        check_lowered(made, lower(stream, "xnnpack"))

    def test_layers_of_the_front_end_and_of_confidence_can_be_named(self, phrase: np.ndarray) -> None:
        asked = Quantization(parts={"frontend.group.*.expand": "int8-dynamic", "confidence.linear": "int8-static"})
        stream, made = quantized(asked, phrase)
        assert made.schemes == {
            **{
                name: "dynamic" if name.endswith(".expand") else "none"
                for name in layers(model())
                if name.startswith("frontend.")
            },
            "confidence.conv": "none",
            "confidence.linear": "static",
        }
        lowered = lower(stream, "xnnpack")
        check_lowered(made, lowered)
        assert lowered.quantized_ops == {"linear": 1 + sum(name.endswith(".expand") for name in layers(model()))}

    def test_pitch_stays_near_the_float_stream(self, mixed: Made, phrase: np.ndarray) -> None:
        stream, _ = mixed
        float_frames, frames = run_chunks(RestatedSession(model()), phrase), run_chunks(RestatedSession(stream), phrase)
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
            "quantization does not match the recipe: encoder.first.0 is none, expected dynamic (XNNPACK has no dynamic"
        )


def test_a_program_that_does_other_than_asked_is_an_error() -> None:
    lowered = ExportedProgram(
        content=b"",
        format="pte",
        nodes=ExecutorchNodes({}, {"dequantize_per_tensor": 2}, ()),
        quantized_ops={"convolution": 1},
        float_ops={},
        bytes_by_kind={"delegate_weights": 4401, "other_constants": 0},
        bytes_by_part={},
        bytes_by_dtype={"float32": 4000, "int8": 100},
    )
    calibration = Calibration.model_construct()
    asked = Quantized(
        {"a": "static", "b": "dynamic", "c": "none"}, (), {"convolution": 1, "linear": 1}, 300, calibration
    )
    with pytest.raises(LoweringError) as caught:
        check_lowered(asked, lowered)
    assert str(caught.value) == (
        "the program does not match the recipe: expected 1 layers (linear) in int8, got 0; expected 300 bytes of int8 "
        "weights, got 100; the file has 4401 bytes of weights, expected 4100, 100 of them int8; 2 quantize or "
        "dequantize operators are outside the delegate"
    )
