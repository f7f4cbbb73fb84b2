"""The restatement against upstream as its own loader builds it, over the streams that upstream supports."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch

from tests.helpers.models.upstream import estimates, pesto_model
from workbench.errors import ModelError
from workbench.measure.deviation import TIE_MARGIN
from workbench.model.streaming import Estimate, Reduce, StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import OUTPUTS, Reduction, Toeplitz
from workbench.recipe.stream_config import Implementations, StreamConfig

from pesto.utils import reduce_activations  # isort: skip  # after workbench.model.upstream, as in tests.helpers.models.upstream

Sing = Callable[[int, float], np.ndarray]
IMPLEMENTATIONS: dict[Toeplitz, Implementations] = {
    "linear": Implementations(),
    "conv": Implementations(prefilter="fourier", toeplitz="conv"),
}
RATES_HZ = (16_000, 22_050, 44_100, 48_000)
HOPS_MS = (5, 10, 20)
MIRRORS = (0.0, 0.5, 1.0)
REDUCTIONS: tuple[Reduction, ...] = ("alwa", "argmax", "mean")
COVERING: tuple[tuple[int, int, float, Reduction, int, Toeplitz], ...] = (
    (48_000, 20, 1.0, "alwa", 1, "linear"),  # the shipped recipe
    (16_000, 20, 1.0, "argmax", 4, "linear"),
    (22_050, 10, 0.5, "alwa", 4, "conv"),
    (44_100, 5, 0.0, "mean", 4, "conv"),
    (48_000, 10, 0.0, "argmax", 1, "conv"),
    (16_000, 5, 0.5, "mean", 1, "linear"),
    (44_100, 20, 0.5, "argmax", 1, "linear"),
    (22_050, 20, 0.0, "alwa", 1, "linear"),
    (44_100, 10, 1.0, "mean", 1, "conv"),
)
# "mean" weighs every bin by its pitch, so that rounding in a distant bin counts by its distance. Upstream in float32 is
# up to 0.12 cents from upstream in float64, and the restatement 0.05 at most; 0.17 between the two has been seen.
MAX_CENTS: dict[Reduction, float] = {"alwa": 0.1, "argmax": 0.1, "mean": 0.2}


def stream_of(sample_rate_hz: int, hop_ms: float, frames: int, mirror: float) -> StreamConfig:
    hop_samples = int(hop_ms * sample_rate_hz / 1000 + 0.5)  # as upstream rounds it
    return StreamConfig(sample_rate_hz, hop_samples, frames, mirror)


def restate(stream: StreamConfig, implementations: Implementations | None = None) -> StreamingPesto:
    return StreamingPesto(load_upstream("mir-1k_g7", stream), stream, implementations or Implementations())


def assert_equal(restated: Estimate, upstream: Estimate, max_cents: float = 0.1) -> None:
    voiced = upstream.confidence >= 0.5
    assert voiced.sum() >= 20
    best = upstream.activations.topk(2, -1).values
    tied = (1 - best[..., 1] / best[..., 0]) < TIE_MARGIN
    cents = 100 * (restated.pitch_semitones.double() - upstream.pitch_semitones).abs()
    assert np.percentile(cents[voiced], 95) <= 0.01
    assert cents[voiced & ~tied].max() <= max_cents
    assert (restated.confidence - upstream.confidence).abs().max() <= 1e-4
    assert ((restated.volume - upstream.volume).abs() / upstream.volume).max() <= 1e-5
    assert (restated.activations - upstream.activations).abs().max() <= 1e-3


@pytest.mark.parametrize(("rate", "hop_ms", "mirror", "reduction", "frames", "toeplitz"), COVERING)
def test_estimate_equals_upstream(
    rate: int, hop_ms: int, mirror: float, reduction: Reduction, frames: int, toeplitz: Toeplitz, sing: Sing
) -> None:
    stream = stream_of(rate, hop_ms, frames, mirror)
    audio = sing(rate, 1.0)[None]
    model = StreamingPesto(load_upstream("mir-1k_g7", stream, reduction), stream, IMPLEMENTATIONS[toeplitz])
    upstream = estimates(pesto_model(stream, reduction), audio, stream.chunk_samples)
    assert_equal(estimates(model.estimate, audio, stream.chunk_samples), upstream, MAX_CENTS[reduction])


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "hop_ms", "mirror", "frames"), list(product(RATES_HZ, HOPS_MS, MIRRORS, (1, 4))))
def test_estimate_equals_upstream_over_grid(rate: int, hop_ms: int, mirror: float, frames: int, sing: Sing) -> None:
    """A reduction is the last step on both sides, so all of them are applied to the activations of one run."""
    stream = stream_of(rate, hop_ms, frames, mirror)
    audio = sing(rate, 1.0)[None]
    upstream = estimates(pesto_model(stream), audio, stream.chunk_samples)
    for implementations in IMPLEMENTATIONS.values():
        restated = estimates(restate(stream, implementations).estimate, audio, stream.chunk_samples)
        for reduction in REDUCTIONS:
            pitch = Reduce(restated.activations.shape[-1], reduction)(restated.activations[0])[None]
            expected = upstream._replace(pitch_semitones=reduce_activations(upstream.activations, reduction))
            assert_equal(restated._replace(pitch_semitones=pitch), expected, MAX_CENTS[reduction])


@pytest.mark.parametrize(("frames", "mirror"), [(1, 1.0), (4, 0.5)])
def test_estimate_in_float64_differs_by_taps_only(frames: int, mirror: float, sing: Sing) -> None:
    """In float64 both are the same function; the taps are scaled in float32."""
    stream, audio = stream_of(16_000, 20, frames, mirror), sing(16_000, 0.96)[None].astype(np.float64)
    upstream = estimates(pesto_model(stream).double(), audio, stream.chunk_samples)
    restated = estimates(restate(stream).double().estimate, audio, stream.chunk_samples)
    assert restated.activations.dtype == torch.float64
    tolerances = ((0, 1e-5), (0, 1e-6), (1e-6, 0), (0, 1e-5))  # pitch, confidence, volume, activations
    for got, expected, (relative, absolute) in zip(restated, upstream, tolerances, strict=True):
        torch.testing.assert_close(got, expected, rtol=relative, atol=absolute)


def test_forward_returns_requested_outputs_of_every_state(stream: StreamConfig, sing: Sing) -> None:
    """Every state and scope runs the same frames; activations are never returned."""
    upstream = load_upstream("mir-1k_g7", stream)
    audio = torch.tensor(sing(16_000, 0.2)[None])[:, 2880:3200]
    internal = StreamingPesto(upstream, stream)
    past = internal.zero_state()
    expected = internal.estimate(audio)[:3]
    window = torch.cat((past, audio), -1)
    energy = internal.frontend(internal.framing(window))
    for state, scope, inputs in (
        ("internal", "whole", (audio,)),
        ("frozen", "whole", (audio,)),
        ("explicit", "whole", (audio, past)),
        ("none", "whole", (window,)),
        ("none", "network", (energy,)),
    ):
        model = StreamingPesto(upstream, stream, state=state, scope=scope)
        assert [tensor.shape for tensor in model.example(1)] == [tensor.shape for tensor in inputs]
        returned = model(*inputs)
        assert len(returned) == (4 if state == "explicit" else 3)
        for got, value in zip(returned, expected, strict=False):
            assert got.shape == (1, 1) and got.dtype == torch.float32
            assert torch.equal(got, value)
        if state == "explicit":
            assert torch.equal(returned[-1], internal.ring)
    assert len(StreamingPesto(upstream, stream, outputs=("volume", "pitch"))(audio)) == 2
    assert StreamingPesto(upstream, stream, outputs=("volume", "pitch")).outputs == (OUTPUTS[0], OUTPUTS[2])


@pytest.mark.parametrize("mirror", MIRRORS)
def test_algorithmic_latency_is_that_of_an_impulse(mirror: float) -> None:
    """An impulse is loudest in the frame whose window is centred on it."""
    stream = stream_of(16_000, 5, 1, mirror)
    model = restate(stream)
    audio = np.zeros((1, 16_000), np.float32)
    audio[0, 8_000] = 1.0
    lowest_bins: list[torch.Tensor] = []
    model.confidence.register_forward_pre_hook(lambda _, inputs: lowest_bins.append(inputs[0][0, :1]))
    estimates(model.estimate, audio, stream.chunk_samples)
    end_ms = (int(torch.cat(lowest_bins).argmax()) + 1) * stream.hop_ms
    assert end_ms - 500 == pytest.approx(model.algorithmic_ms, abs=2 * stream.hop_ms)


def test_model_of_several_harmonics_is_refused(stream: StreamConfig) -> None:
    upstream = load_upstream("mir-1k_g7", stream)
    kernels = upstream.preprocessor.hcqt_kernels.cqt_kernels
    kernels.append(kernels[0])
    with pytest.raises(ModelError, match="only one-harmonic models are supported"):
        StreamingPesto(upstream, stream)
