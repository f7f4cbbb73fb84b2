"""A stream in parts: multiply-adds and bytes against counts by hand, and what they make together against the whole."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.measure.operators.layer_costs import Layer, layers_in, traced
from workbench.measure.operators.parts import AUDIO, STATE, Part, cut
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.quantize.annotate import quantize_part
from workbench.quantize.calibration import part_inputs
from workbench.recipe import Quantization
from workbench.recipe.options import OUTPUTS, Scheme
from workbench.recipe.stream_config import Implementations, StreamConfig

STREAM = StreamConfig(16_000, 320, 1, 1.0)
ENCODER_STEPS = ("norm", "first", "prefilter.0", "prefilter.1", "narrow", "toeplitz")
STEPS = ["frontend", "log", *(f"encoder.{step}" for step in ENCODER_STEPS), "reduce", "confidence", "total"]


def tone(stream: StreamConfig, calls: int) -> list[Tensor]:
    """Calls (streams, samples) of a tone whose pitch differs between streams."""
    samples = stream.chunk_samples * calls
    times_s = torch.arange(samples) / stream.sample_rate_hz
    hz = 220.0 * torch.arange(1, stream.streams + 1)[:, None]
    voices = 0.3 * torch.sin(2 * torch.pi * hz * times_s) + 0.1 * torch.sin(4 * torch.pi * hz * times_s)
    return list(torch.split(voices, stream.chunk_samples, 1))


def model(stream: StreamConfig, implementations: Implementations, **options: Any) -> StreamingPesto:
    return StreamingPesto(load_upstream("mir-1k_g7", stream), stream, implementations, **options)


@torch.no_grad()
def cut_and_compare(model: StreamingPesto, calls: Sequence[Tensor]) -> list[Part]:
    """Returns the parts of the model, whose chain returns what the model returns from an empty state."""
    parts = cut(model, calls)
    values, state = {STATE: model.zero_state()}, model.zero_state()
    for part in parts:
        for name, buffer in part.module.named_buffers():
            if name == STATE:
                buffer.zero_()
    for audio in calls:
        values[AUDIO] = audio
        for part in parts:
            returned = part.module(*(values[name] for name in part.inputs))
            values |= dict(zip(part.outputs, (returned,) if isinstance(returned, Tensor) else returned, strict=True))
        estimate, state = model.step(audio, state)
        for name, expected in zip(OUTPUTS, estimate, strict=False):
            torch.testing.assert_close(values[name].flatten(), expected.flatten(), rtol=1e-6, atol=1e-6)
    return parts


class ColumnUsedTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 5)
        self.conv = nn.Conv2d(1, 4, (1, 3), padding=(0, 1), bias=False)
        self.register_buffer("column", torch.ones(5, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)  # (2, 3) -> (2, 5)
        x = x * (x @ self.column) * (x.abs() @ self.column)
        return self.conv(x[:, None, None, :])


def test_layers_against_counts_by_hand() -> None:
    x = torch.ones(2, 3)
    assert layers_in(traced(ColumnUsedTwice(), [x]), [x], "part") == [
        Layer(name="part.linear", dtype="float32", macs=2 * 3 * 5, bytes=4 * (3 * 5 + 5)),
        Layer(name="part", dtype="float32", macs=2 * (2 * 5 * 1), bytes=4 * 5),  # one column, used twice
        Layer(name="part.conv", dtype="float32", macs=2 * 4 * 5 * 3, bytes=4 * 4 * 3),
    ]


@pytest.mark.parametrize(
    ("scheme", "dtype", "weight_bytes"),
    [("int8-static", "int8", 16 * 8), ("int4-weights", "float32", 8 * 8), ("int12-weights", "float32", 24 * 8 + 8 * 4)],
)
def test_a_layer_multiplies_in_int8_if_both_inputs_are_int8(scheme: Scheme, dtype: str, weight_bytes: int) -> None:
    x = torch.rand(64, 16)
    rules = Quantization(parts={"part.0": scheme})
    module = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 4))
    converted = quantize_part(module, "part", rules, (x,), lambda _: None).module
    # a scale for each output beside the weights, and a float bias
    macs = 16 * 8 * (2 if scheme == "int12-weights" else 1)
    first = Layer(name="part.0", dtype=dtype, macs=macs, bytes=weight_bytes + 4 * 8 + 4 * 8)
    last = Layer(name="part.1", dtype="float32", macs=8 * 4, bytes=4 * (8 * 4 + 4))
    assert layers_in(converted, [x[:1]], "part") == [first, last]


def test_the_layers_of_the_parts_against_counts_by_hand() -> None:
    parts = cut_and_compare(model(STREAM, Implementations("grouped")), tone(STREAM, 8))
    assert [part.name for part in parts] == STEPS
    macs = {part.name: sum(layer.macs for layer in part.layers) for part in parts}
    channels, taps, bins = 40, 39, 219
    assert macs["encoder.first"] == channels * taps * bins
    assert macs["encoder.prefilter.0"] == macs["encoder.prefilter.1"] == channels * channels * taps * bins
    assert macs["encoder.norm"] == 2 * bins  # two means
    assert macs["encoder.toeplitz"] == 657 * 384  # as a Linear
    assert (macs["log"], macs["total"]) == (0, 251)
    (first,) = parts[2 + ENCODER_STEPS.index("first")].layers
    assert (first.name, first.bytes) == ("encoder.first.0", 4 * (channels * taps + channels))
    assert sum(layer.bytes for layer in parts[0].layers) == 4 * macs["frontend"]


def test_explicit_state_goes_through_the_first_part() -> None:
    stream = StreamConfig(16_000, 320, 2, 1.0, 16, streams=2)
    parts = cut_and_compare(model(stream, Implementations("grouped"), state="explicit"), tone(stream, 4))
    assert (parts[0].inputs, parts[0].outputs) == ((AUDIO, STATE), ("energy", STATE))
    assert parts[1].example[0].shape[0] == 2 * 2  # frames of both


def test_parts_are_those_of_the_outputs_in_every_implementation() -> None:
    parts = cut(model(STREAM, Implementations("grouped"), outputs=("pitch",)), tone(STREAM, 2))
    assert [part.name for part in parts] == STEPS[:-2]
    fourier = cut_and_compare(model(STREAM, Implementations("low-rank", "fourier", "block")), tone(STREAM, 8))
    assert [part.name for part in fourier] == STEPS
    assert len(fourier[4].layers) == 30  # the two constant matrices, and a Linear for each of 29 frequencies


@pytest.mark.parametrize(
    ("rules", "residual"),
    [({"encoder": "int8-static"}, "int8"), ({"encoder": "int8-dynamic", "encoder.first": "none"}, "float")],
    ids=["static", "dynamic"],
)
def test_a_quantized_encoder_is_cut_the_same(rules: dict[str, str], residual: str) -> None:
    whole, calls = model(STREAM, Implementations("grouped")), tone(STREAM, 16)
    quantization = Quantization(parts=rules, residual_add=residual)  # type: ignore[arg-type]
    inputs = part_inputs(whole, [torch.cat(calls, 1)[0]])["encoder"]
    whole.encoder = quantize_part(whole.encoder, "encoder", quantization, inputs, lambda _: None).module  # type: ignore[assignment]
    parts = cut_and_compare(whole, calls)
    assert {layer.dtype for part in parts for layer in part.layers if "prefilter" in layer.name} == {"int8"}
