"""The grouped and low-rank front ends against the sums that upstream's kernels ask for, taken in float64 by numpy."""

from collections.abc import Callable
from functools import cache
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from workbench.model import bin_groups as grouping
from workbench.model.frontend import EPS, ConstantQ, Framing, GroupedConstantQ, build_frontend
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Frontend
from workbench.recipe.stream_config import StreamConfig

Doubles = NDArray[np.float64]

SETUPS = (
    StreamConfig(16_000, 320, 1, 1.0),
    StreamConfig(16_000, 320, 3, 1.0),  # earlier frames hear real future
    StreamConfig(16_000, 80, 4, 0.5),
    StreamConfig(16_000, 160, 2, 0.0),
    StreamConfig(22_050, 221, 1, 0.5),  # a frame of no whole number of blocks
)
SHIPPED = StreamConfig(48_000, 960, 1, 1.0)


class Kernels(NamedTuple):
    """taps (2 * bins, 1, kernel) and what of the kernel lies in the unheard future."""

    taps: torch.Tensor
    mirrored_samples: int

    def windows(self, stream: StreamConfig, audio: np.ndarray) -> torch.Tensor:
        """(windows, window samples) float32, cut out of a clip."""
        length = self.taps.shape[-1] - self.mirrored_samples + (stream.frames_per_chunk - 1) * stream.hop_samples
        starts = range(0, len(audio) - length, 5_000)
        return torch.tensor(np.stack([audio[start : start + length] for start in starts]))

    def spectra(self, stream: StreamConfig, windows: torch.Tensor) -> tuple[Doubles, Doubles]:
        """(windows * frames, bins) magnitude, and the largest that a frame of that norm could have (Cauchy-Schwarz)."""
        taps = self.taps[:, 0].double().numpy()
        padded = np.pad(windows.double().numpy(), ((0, 0), (0, self.mirrored_samples)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, taps.shape[-1], axis=1)[:, :: stream.hop_samples]
        frames = frames.reshape(-1, taps.shape[-1])
        real, imaginary = np.split(frames @ taps.T, 2, axis=1)
        norms = np.sqrt(np.square(taps).sum(1).reshape(2, -1).sum(0))
        return np.hypot(real, imaginary), norms * np.linalg.norm(frames, axis=1)[:, None]


@cache
def kernels_of(stream: StreamConfig) -> Kernels:
    cqt = load_upstream("mir-1k_g7", stream).preprocessor.hcqt_kernels.cqt_kernels[0]
    taps = (cqt.conv.weight * cqt.sqrt_lengths.repeat(2, 1).unsqueeze(-1)).detach()
    return Kernels(taps, cqt.kernel_width - stream.hop_samples - cqt.conv.cache.padding)


def build(frontend: Frontend, stream: StreamConfig, tolerance: float = 1e-4) -> torch.nn.Module:
    taps, mirrored_samples = kernels_of(stream)
    return build_frontend(frontend, taps, stream.hop_samples, mirrored_samples, stream.frames_per_chunk, tolerance)[1]


built = cache(build)


def framed(module: torch.nn.Module, kernels: Kernels, stream: StreamConfig, windows: torch.Tensor) -> torch.Tensor:
    """(windows * frames, frame samples): what this front end hears of windows."""
    taps, mirrored_samples = kernels
    sizes = (taps.shape[-1], stream.hop_samples, mirrored_samples, 0)
    if isinstance(module, GroupedConstantQ):
        sizes = (module.frame_samples, stream.hop_samples, module.future_samples, module.lead_samples)
    return Framing(*sizes, single=False)(windows)


def deviation(module: torch.nn.Module, kernels: Kernels, stream: StreamConfig, windows: torch.Tensor) -> Doubles:
    """(windows * frames, bins): error of the magnitude over the largest magnitude that the samples could have had."""
    expected, bound = kernels.spectra(stream, windows)
    energy = module(framed(module, kernels, stream, windows))
    assert energy.dtype == torch.float32
    assert energy.shape == expected.shape
    assert energy.min() >= EPS**2
    return np.abs(np.sqrt(energy.double().numpy()) - np.maximum(expected, EPS)) / np.maximum(bound, EPS)


def loud_and_quiet(kernels: Kernels, stream: StreamConfig, sing: Callable[[int, float], np.ndarray]) -> torch.Tensor:
    """Singing, noise, and a single loud sinusoid low and high, which leaves most bins nearly silent."""
    seconds = np.arange(2 * stream.sample_rate_hz) / stream.sample_rate_hz
    noise = np.random.default_rng(3).standard_normal(len(seconds)) * 0.1
    clips = (sing(stream.sample_rate_hz, 2.0), noise, np.sin(660 * seconds), np.sin(9_000 * seconds))
    return torch.cat([kernels.windows(stream, np.asarray(clip, np.float32)) for clip in clips])


def test_the_bits_of_a_front_end_are_those_of_any_number_of_threads() -> None:
    """A program's fingerprint does not have the threads of a float recipe."""

    def weights(threads: int) -> list[bytes]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with threadpool_limits(threads, "blas"):
                return [weight.detach().numpy().tobytes() for weight in build("low-rank", SETUPS[0]).parameters()]
        finally:
            torch.set_num_threads(before)

    assert weights(1) == weights(2)


@pytest.mark.parametrize("stream", SETUPS)
@pytest.mark.parametrize("frontend", ["upstream", "grouped"])
def test_exact_front_ends_are_the_kernels_own_sums(
    frontend: Frontend, stream: StreamConfig, sing: Callable[[int, float], np.ndarray]
) -> None:
    kernels = kernels_of(stream)
    windows = loud_and_quiet(kernels, stream, sing)
    assert deviation(built(frontend, stream), kernels, stream, windows).max() <= 1e-6
    expected, bound = kernels.spectra(stream, windows)
    loud = (expected > 0.05 * bound) & (bound > 1e-3)
    assert loud.sum() > 200
    module = built(frontend, stream)
    energy = module(framed(module, kernels, stream, windows)).double().numpy()
    assert np.abs(energy[loud] / expected[loud] ** 2 - 1).max() <= 1e-5


@pytest.mark.parametrize("stream", SETUPS)
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_low_rank_keeps_its_tolerance(
    stream: StreamConfig, tolerance: float, sing: Callable[[int, float], np.ndarray]
) -> None:
    """No samples at all can move a bin by more than the error of its kernel (Cauchy and Schwarz), and some do."""
    kernels = kernels_of(stream)
    module = built("low-rank", stream, tolerance)
    assert isinstance(module, GroupedConstantQ)
    assert 0 < module.bin_relative_errors.max() <= tolerance
    worst = deviation(module, kernels, stream, loud_and_quiet(kernels, stream, sing)).max(0)
    assert (worst <= module.bin_relative_errors + 1e-6).all()
    assert worst.max() > tolerance / 1000


def test_reported_errors_are_those_of_the_kernels() -> None:
    """The module's kernels are its answers to single impulses, and tell the error without a look at its weights."""
    stream = SETUPS[0]
    taps, mirrored_samples = kernels_of(stream)
    module = build("low-rank", stream, 1e-2)
    assert isinstance(module, GroupedConstantQ)
    heard = taps.shape[-1] - mirrored_samples
    impulses = torch.eye(heard)
    parts: list[torch.Tensor] = [torch.empty(0)] * len(module.group)
    for at, group in enumerate(module.group):
        group.register_forward_hook(lambda _module, _inputs, output, at=at: parts.__setitem__(at, output))
    module(framed(module, kernels_of(stream), stream, impulses))
    real = torch.cat([part[:, : part.shape[1] // 2] for part in parts], 1).double()
    imaginary = torch.cat([part[:, part.shape[1] // 2 :] for part in parts], 1).double()
    truth = taps[:, 0, :heard].double().reshape(2, -1, heard)
    difference = torch.stack((real.T, imaginary.T)) - truth
    errors = (difference.square().sum((0, 2)) / truth.square().sum((0, 2))).sqrt()
    np.testing.assert_allclose(module.bin_relative_errors, errors, rtol=1e-3, atol=1e-7)


def test_sizes_of_the_shipped_stream() -> None:
    """Upstream has 4.11 M taps, of which 1.15 M are neither zero nor meet only zeros."""
    grouped, low_rank = built("grouped", SHIPPED), built("low-rank", SHIPPED)
    assert isinstance(grouped, GroupedConstantQ) and isinstance(low_rank, GroupedConstantQ)
    assert kernels_of(SHIPPED).taps.numel() == 4_112_384
    assert 1_152_842 <= sum(tensor.numel() for tensor in grouped.parameters()) <= 1_300_000
    assert sum(tensor.numel() for tensor in low_rank.parameters()) <= 140_000
    assert grouped.bin_relative_errors.max() == 0
    heard_samples = kernels_of(SHIPPED).taps.shape[-1] - kernels_of(SHIPPED).mirrored_samples
    assert max(at.last for at in grouped.groups) == heard_samples


def sinusoids(bins: int, samples: int) -> torch.Tensor:
    """Taps of Hann-windowed sinusoids of falling length, as a constant-Q transform has; none begins with zeros."""
    at = np.arange(samples)
    rows = np.zeros((2, bins, samples))
    for bin_ in range(bins):
        octaves = 3 * bin_ / bins
        length = int(samples * 2**-octaves)
        own = slice((samples - length) // 2, (samples - length) // 2 + length)
        window = np.hanning(length + 2)[1:-1] / length
        phase = 2 * np.pi * 0.02 * 2**octaves * at[own]
        rows[:, bin_, own] = window * np.cos(phase), -window * np.sin(phase)
    return torch.tensor(rows.reshape(2 * bins, 1, samples), dtype=torch.float32)


def test_blocks_may_begin_before_the_frame() -> None:
    stream = StreamConfig(8_000, 50, 2, 0.0)
    kernels = Kernels(sinusoids(40, 1003), 0)
    module = GroupedConstantQ(kernels.taps, 50, 0, 2, tolerance=1e-4)
    assert module.lead_samples > 0
    windows = torch.tensor(np.random.default_rng(5).standard_normal((8, 1053)), dtype=torch.float32)
    assert deviation(module, kernels, stream, windows).max() <= 1e-4


def test_a_quiet_kernel_is_held_to_the_same_relative_error() -> None:
    taps = sinusoids(40, 1024)
    taps[[17, 57]] *= 1e-4  # the real and the imaginary part of one bin
    module = GroupedConstantQ(taps, 50, 0, 1, tolerance=1e-2)
    assert any(at.rank for at in module.groups if at.start <= 17 < at.stop)
    assert 0 < module.bin_relative_errors[17] <= 1e-2


@pytest.mark.parametrize("tolerance", [None, 1e-3])
def test_the_partition_is_the_cheapest_of_all(tolerance: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against every partition of the edges, each costed by the group it would make alone."""
    monkeypatch.setattr(grouping, "BLOCK_SAMPLES", (16, 32))  # to be quick
    kernels = sinusoids(52, 2000).reshape(2, 52, 2000).transpose(0, 1).double().numpy()

    def groups(start: int, stop: int) -> list[grouping.Group]:
        own = kernels[start:stop]
        return grouping.exact_groups(own) if tolerance is None else grouping.low_rank_groups(own, tolerance)

    def alone(start: int, stop: int) -> float:
        """Cost of start..stop as one group: what the search finds where operators cost so much that none is split."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "_cheapest_partition", lambda bins, group: [group(0, bins)])
            (one,) = groups(start, stop)
        return one.cost

    edges = [0, 8, 16, 24, 32, 40, 52]
    single = {pair: alone(*pair) for pair in combinations(edges, 2)}
    totals = []
    for count in range(len(edges) - 1):
        for cuts in combinations(edges[1:-1], count):
            ends = [0, *cuts, 52]
            totals.append(sum(single[pair] for pair in pairwise(ends)))
    found = groups(0, 52)
    assert 1 < len(found) <= 6
    assert [group.start for group in found[1:]] == [group.stop for group in found[:-1]]
    assert sum(group.cost for group in found) == min(totals)
    assert min(totals) < totals[0]


def test_streams_and_frames_keep_their_order(sing: Callable[[int, float], np.ndarray]) -> None:
    stream = SETUPS[1]
    kernels = kernels_of(stream)
    windows = kernels.windows(stream, sing(16_000, 2.0)[5_000:])[:3]
    module = built("grouped", stream)
    together = module(framed(module, kernels, stream, windows))
    alone = torch.cat([module(framed(module, kernels, stream, window[None])) for window in windows])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-9)
    assert not torch.allclose(together[0], together[1], rtol=0.1)


def test_building_twice_gives_the_same_bits() -> None:
    first, second = build("low-rank", SETUPS[0]), build("low-rank", SETUPS[0])
    assert first.state_dict().keys() == second.state_dict().keys()
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name


def test_parts_are_named_linears_without_bias() -> None:
    module = built("low-rank", SETUPS[0])
    linears = {name: part for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)}
    assert {"group.0.project", "group.0.expand"} <= linears.keys()
    assert all(linear.bias is None for linear in linears.values())
    assert isinstance(built("grouped", SETUPS[0]).get_submodule("group.0"), torch.nn.Linear)
    assert isinstance(built("upstream", SETUPS[0]), ConstantQ)


@pytest.mark.parametrize(("frontend", "most_cents"), [("grouped", 0.01), ("low-rank", 0.1)])
def test_pitch_hardly_moves(frontend: Frontend, most_cents: float, sing: Callable[[int, float], np.ndarray]) -> None:
    stream = SETUPS[0]
    model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream)
    chunks = torch.tensor(sing(16_000, 2.0)[None]).split(320, -1)
    expected = [model.estimate(chunk) for chunk in chunks]
    model.reset()
    taps, mirrored_samples = kernels_of(stream)
    model.framing, model.frontend = build_frontend(frontend, taps, stream.hop_samples, mirrored_samples, 1)
    got = [model.estimate(chunk) for chunk in chunks]
    voiced = np.array([estimate.confidence.item() >= 0.5 for estimate in expected])
    assert voiced.sum() >= 20
    cents = [100 * abs(g.pitch_semitones - e.pitch_semitones).item() for g, e in zip(got, expected, strict=True)]
    confidence = [abs(g.confidence - e.confidence).item() for g, e in zip(got, expected, strict=True)]
    assert np.percentile(np.array(cents)[voiced], 95) <= most_cents
    assert max(confidence) <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("frontend", ["grouped", "low-rank"])
@pytest.mark.parametrize("stream", [SETUPS[0], SETUPS[1]])
def test_xnnpack_takes_all_of_it(
    frontend: Frontend, stream: StreamConfig, sing: Callable[[int, float], np.ndarray]
) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    module = built(frontend, stream).eval()
    window = kernels_of(stream).windows(stream, sing(16_000, 2.0))[:1]
    frames = framed(module, kernels_of(stream), stream, window)
    edge = to_edge_transform_and_lower(torch.export.export(module, (frames,)), partitioner=[XnnpackPartitioner()])
    calls = [node for node in edge.exported_program().graph.nodes if node.op == "call_function"]
    delegates = [node for node in calls if node.target is torch.ops.higher_order.executorch_call_delegate]
    assert len(delegates) == 1
    assert len(calls) == 2  # and the tuple access to what it returns
    program = Runtime.get().load_program(bytes(edge.to_executorch().buffer))
    energy = program.load_method("forward").execute([frames.contiguous()])[0]
    torch.testing.assert_close(energy, module(frames), rtol=1e-3, atol=1e-9)
