"""The front ends against upstream's kernels, applied in float64 by numpy."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from tests.helpers.models.kernels import Doubles, Kernels, sinusoids, upstream_kernels
from tests.helpers.models.upstream import estimates
from workbench.model.frontend import EPS, ConstantQ, Framing, GroupedConstantQ, build_frontend
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Frontend
from workbench.recipe.stream_config import Implementations, StreamConfig

Sing = Callable[[int, float], np.ndarray]
SETUPS = (
    StreamConfig(16_000, 320, 1, 1.0),
    StreamConfig(16_000, 320, 3, 1.0),  # earlier frames receive real future
    StreamConfig(16_000, 80, 4, 0.5),
    StreamConfig(16_000, 160, 2, 0.0),
    StreamConfig(22_050, 221, 1, 0.5),  # a frame is no whole number of blocks
)
SHIPPED = StreamConfig(48_000, 960, 1, 1.0)


def build(frontend: Frontend, stream: StreamConfig, tolerance: float = 1e-4) -> torch.nn.Module:
    taps, mirrored_samples = upstream_kernels(stream)
    return build_frontend(frontend, taps, stream.hop_samples, mirrored_samples, stream.frames_per_chunk, tolerance)[1]


built = cache(build)


def framed(module: torch.nn.Module, kernels: Kernels, stream: StreamConfig, windows: torch.Tensor) -> torch.Tensor:
    """Returns (windows * frames, frame samples): the input of this front end for windows."""
    taps, mirrored_samples = kernels
    sizes = (taps.shape[-1], stream.hop_samples, mirrored_samples, 0)
    if isinstance(module, GroupedConstantQ):
        sizes = (module.frame_samples, stream.hop_samples, module.future_samples, module.lead_samples)
    return Framing(*sizes, single=False)(windows)


def deviation(module: torch.nn.Module, kernels: Kernels, stream: StreamConfig, windows: torch.Tensor) -> Doubles:
    """Returns (windows * frames, bins): error of the magnitude, relative to the largest one that is possible."""
    expected, bound = kernels.spectra(stream, windows)
    energy = module(framed(module, kernels, stream, windows))
    assert energy.dtype == torch.float32
    assert energy.shape == expected.shape
    assert energy.min() >= EPS**2
    return np.abs(np.sqrt(energy.double().numpy()) - np.maximum(expected, EPS)) / np.maximum(bound, EPS)


def loud_and_quiet(kernels: Kernels, stream: StreamConfig, sing: Sing) -> torch.Tensor:
    """Returns windows of singing, noise, and one loud sinusoid low and high, which leaves most bins nearly silent."""
    seconds = np.arange(2 * stream.sample_rate_hz) / stream.sample_rate_hz
    noise = np.random.default_rng(3).standard_normal(len(seconds)) * 0.1
    clips = (sing(stream.sample_rate_hz, 2.0), noise, np.sin(660 * seconds), np.sin(9_000 * seconds))
    return torch.cat([kernels.windows(stream, np.asarray(clip, np.float32)) for clip in clips])


def test_weights_do_not_depend_on_threads() -> None:
    """The fingerprint of a program does not include the threads of a float recipe."""

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
def test_exact_front_ends_equal_the_kernels(frontend: Frontend, stream: StreamConfig, sing: Sing) -> None:
    kernels = upstream_kernels(stream)
    windows = loud_and_quiet(kernels, stream, sing)
    module = built(frontend, stream)
    assert deviation(module, kernels, stream, windows).max() <= 1e-6
    expected, bound = kernels.spectra(stream, windows)
    loud = (expected > 0.05 * bound) & (bound > 1e-3)
    assert loud.sum() > 200
    energy = module(framed(module, kernels, stream, windows)).double().numpy()
    assert np.abs(energy[loud] / expected[loud] ** 2 - 1).max() <= 1e-5


@pytest.mark.parametrize("stream", SETUPS)
@pytest.mark.parametrize(
    ("frontend", "tolerance"), [("low-rank", 1e-2), ("low-rank", 1e-4), ("three-stage", 1e-2), ("three-stage", 1e-4)]
)
def test_approximations_stay_within_tolerance(
    frontend: Frontend, stream: StreamConfig, tolerance: float, sing: Sing
) -> None:
    """No audio moves a bin by more than the error of its kernel (Cauchy and Schwarz), and some audio moves it."""
    kernels = upstream_kernels(stream)
    module = built(frontend, stream, tolerance)
    assert isinstance(module, GroupedConstantQ)
    assert 0 < module.bin_relative_errors.max() <= tolerance
    worst = deviation(module, kernels, stream, loud_and_quiet(kernels, stream, sing)).max(0)
    assert (worst <= module.bin_relative_errors + 1e-6).all()
    assert worst.max() > tolerance / 1000


@pytest.mark.parametrize("frontend", ["low-rank", "three-stage"])
def test_reported_errors_are_those_of_the_kernels(frontend: Frontend) -> None:
    """The kernels of a module are its outputs for unit impulses."""
    stream = SETUPS[0]
    taps, mirrored_samples = upstream_kernels(stream)
    module = build(frontend, stream, 1e-2)
    assert isinstance(module, GroupedConstantQ)
    samples = taps.shape[-1] - mirrored_samples
    parts: list[torch.Tensor] = []
    for group in module.group:
        group.register_forward_hook(lambda _module, _inputs, output: parts.append(output))
    module(framed(module, upstream_kernels(stream), stream, torch.eye(samples)))
    if frontend == "three-stage":
        real, imaginary = torch.cat(parts, 1).double().unflatten(1, (-1, 2)).unbind(-1)
    else:
        real = torch.cat([part[:, : part.shape[1] // 2] for part in parts], 1).double()
        imaginary = torch.cat([part[:, part.shape[1] // 2 :] for part in parts], 1).double()
    truth = taps[:, 0, :samples].double().reshape(2, -1, samples)
    difference = torch.stack((real.T, imaginary.T)) - truth
    errors = (difference.square().sum((0, 2)) / truth.square().sum((0, 2))).sqrt()
    np.testing.assert_allclose(module.bin_relative_errors, errors, rtol=1e-3, atol=1e-7)


def test_sizes_and_names_of_the_shipped_stream() -> None:
    """Upstream has 4.11 M taps. 1.15 M of them are neither zero nor meet only zeros."""
    grouped, low_rank = built("grouped", SHIPPED), built("low-rank", SHIPPED)
    assert isinstance(grouped, GroupedConstantQ) and isinstance(low_rank, GroupedConstantQ)
    taps, mirrored_samples = upstream_kernels(SHIPPED)
    assert taps.numel() == 4_112_384
    assert 1_152_842 <= sum(tensor.numel() for tensor in grouped.parameters()) <= 1_300_000
    assert sum(tensor.numel() for tensor in low_rank.parameters()) <= 140_000
    assert grouped.bin_relative_errors.max() == 0
    assert max(group.last for group in grouped.groups) == taps.shape[-1] - mirrored_samples
    assert isinstance(grouped.get_submodule("group.0"), torch.nn.Linear)
    assert low_rank.state_dict().keys() >= {"group.0.project.weight", "group.0.expand.weight"}
    assert not [name for name in low_rank.state_dict() if name.endswith("bias")]
    three_stage = built("three-stage", SHIPPED)
    assert isinstance(three_stage, GroupedConstantQ)
    assert sum(tensor.numel() for tensor in three_stage.parameters()) <= 65_000
    assert three_stage.bin_relative_errors.max() <= 1e-4
    first = ["group.0.project.weight", "group.0.middle.weight", "group.0.expand.weight"]
    assert [name for name, _ in three_stage.named_parameters()][:3] == first
    assert isinstance(built("upstream", SHIPPED), ConstantQ)


def test_blocks_can_begin_before_the_frame() -> None:
    kernels = Kernels(sinusoids(40, 1003), 0)
    module = GroupedConstantQ(kernels.taps, 50, 0, 2, tolerance=1e-4)
    assert module.lead_samples > 0
    windows = torch.tensor(np.random.default_rng(5).standard_normal((8, 1053)), dtype=torch.float32)
    assert deviation(module, kernels, StreamConfig(8_000, 50, 2, 0.0), windows).max() <= 1e-4


def test_quiet_kernel_has_the_same_relative_error() -> None:
    taps = sinusoids(40, 1024)
    taps[[17, 57]] *= 1e-4  # the real and the imaginary part of one bin
    module = GroupedConstantQ(taps, 50, 0, 1, tolerance=1e-2)
    assert any(group.rank for group in module.groups if group.start <= 17 < group.stop)
    assert 0 < module.bin_relative_errors[17] <= 1e-2


@pytest.mark.parametrize(("frontend", "max_cents"), [("grouped", 0.01), ("low-rank", 0.1), ("three-stage", 0.1)])
def test_pitch_of_front_ends_is_nearly_equal(frontend: Frontend, max_cents: float, sing: Sing) -> None:
    stream, audio = SETUPS[0], sing(16_000, 2.0)[None]
    upstream = load_upstream("mir-1k_g7", stream)
    expected, got = (
        estimates(StreamingPesto(upstream, stream, Implementations(name)).estimate, audio, stream.chunk_samples)
        for name in ("upstream", frontend)
    )
    voiced = expected.confidence >= 0.5
    assert voiced.sum() >= 20
    cents = 100 * (got.pitch_semitones - expected.pitch_semitones).abs()
    assert np.percentile(cents[voiced], 95) <= max_cents
    assert (got.confidence - expected.confidence).abs().max() <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("frontend", ["grouped", "low-rank", "three-stage"])
@pytest.mark.parametrize("stream", [SETUPS[0], SETUPS[1]])
def test_xnnpack_takes_the_whole_front_end(frontend: Frontend, stream: StreamConfig, sing: Sing) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    module = built(frontend, stream).eval()
    window = upstream_kernels(stream).windows(stream, sing(16_000, 2.0))[:1]
    frames = framed(module, upstream_kernels(stream), stream, window)
    edge = to_edge_transform_and_lower(torch.export.export(module, (frames,)), partitioner=[XnnpackPartitioner()])
    calls = [node for node in edge.exported_program().graph.nodes if node.op == "call_function"]
    delegates = [node for node in calls if node.target is torch.ops.higher_order.executorch_call_delegate]
    assert len(delegates) == 1
    assert len(calls) == 2  # and the tuple access to what it returns
    program = Runtime.get().load_program(bytes(edge.to_executorch().buffer))
    energy = program.load_method("forward").execute([frames.contiguous()])[0]
    torch.testing.assert_close(energy, module(frames), rtol=1e-3, atol=1e-9)
