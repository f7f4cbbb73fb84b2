"""A lowered program: the numbers of upstream, the promises of a session, what is in the file, and broken ones."""

import gc
import linecache
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from workbench.errors import LoweringError, ProgramError
from workbench.recipe.options import OUTPUTS, State
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Frames, chunks, concat_frames, run_chunks

pytestmark = pytest.mark.slow

Sing = Callable[[int, float], np.ndarray]
STREAM = StreamConfig(16_000, 320, 1, 1.0)


@pytest.fixture(scope="module")
def child() -> Iterator[IsolatedProcess]:
    """Programs that may be broken are opened here."""
    with IsolatedProcess() as process:
        yield process


def assert_same(got: Frames, expected: Frames) -> None:
    assert_array_equal(got.pitch_semitones, expected.pitch_semitones)
    assert_array_equal(got.confidence, expected.confidence)
    assert_array_equal(got.volume, expected.volume)


def session(path: Path):  # -> PteSession
    from workbench.runtime.executorch import PteSession

    return PteSession(path)


# --- the numbers


def test_a_program_matches_upstream(program: Path, stream: StreamConfig, sing: Sing) -> None:
    import workbench.model.upstream  # noqa: F401  (it stands in for torchaudio)
    import pesto  # isort: skip

    from workbench.runtime.eager import UpstreamSession

    upstream = UpstreamSession(
        pesto.load_model("mir-1k_g7", 20.0, sampling_rate=16_000, streaming=True, mirror=1.0), stream
    )
    samples = sing(16_000, 3.0)
    expected, got = run_chunks(upstream, samples), run_chunks(session(program), samples)
    voiced = expected.confidence >= 0.5
    assert voiced.sum() > 50
    cents = 100 * np.abs(got.pitch_semitones.astype(float) - expected.pitch_semitones)
    assert np.percentile(cents[voiced], 95) <= 0.01
    assert np.abs(got.confidence - expected.confidence).max() <= 1e-4
    assert np.abs(got.volume / expected.volume - 1).max() <= 1e-5
    assert got.margin is None


# --- the promises of a session


def test_reset_equals_a_fresh_session(program: Path, sing: Sing) -> None:
    rows = list(chunks(sing(16_000, 1.0), STREAM))
    used = session(program)
    fresh = concat_frames([used.step(row) for row in rows])
    assert not np.array_equal(concat_frames([used.step(row) for row in rows]).volume, fresh.volume)
    used.reset()
    assert_same(concat_frames([used.step(row) for row in rows]), fresh)
    assert_same(run_chunks(session(program), np.concatenate(rows)), fresh)


def test_sessions_of_one_file_do_not_share_memory(program: Path, sing: Sing) -> None:
    audio = sing(16_000, 2.0)
    one, other = list(chunks(audio[:16_000], STREAM)), list(chunks(audio[16_000:], STREAM))
    alone = [run_chunks(session(program), np.concatenate(rows)) for rows in (one, other)]
    first, second = session(program), session(program)
    steps = [(first.step(a), second.step(b)) for a, b in zip(one, other, strict=True)]
    assert_same(concat_frames([step[0] for step in steps]), alone[0])
    assert_same(concat_frames([step[1] for step in steps]), alone[1])


def test_a_result_is_not_changed_by_later_steps(program: Path, sing: Sing) -> None:
    used, rows = session(program), list(chunks(sing(16_000, 0.6), STREAM))
    kept = [used.step(row) for row in rows]
    copies = [Frames(*(np.array(a) for a in (f.pitch_semitones, f.confidence, f.volume))) for f in kept]
    used.step(np.ones(320, np.float32))
    for frames, copy in zip(kept, copies, strict=True):
        assert_same(frames, copy)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((319,), "a chunk of 319 samples; expected 320"),
        ((0,), "a chunk of 0 samples; expected 320"),
        ((640,), "a chunk of 640 samples; expected 320"),
        ((1, 321), "a chunk of 321 samples; expected 320"),
        ((320, 1), "a chunk of shape (320, 1); expected (samples,)"),
        ((2, 160), "a chunk of shape (2, 160); expected (samples,)"),
        ((1, 1, 320), "a chunk of shape (1, 1, 320); expected (samples,)"),
        ((), "a chunk of shape (); expected (samples,)"),
    ],
)
def test_a_chunk_of_another_shape_is_refused_and_the_memory_kept(
    shape: tuple[int, ...], problem: str, program: Path, sing: Sing
) -> None:
    rows = list(chunks(sing(16_000, 0.6), STREAM))
    expected = run_chunks(session(program), np.concatenate(rows))
    used = session(program)
    before = concat_frames([used.step(row) for row in rows[:15]])
    with pytest.raises(ProgramError) as caught:
        used.step(np.ones(shape, np.float32))
    assert str(caught.value) == problem
    assert_same(concat_frames([before, *(used.step(row) for row in rows[15:])]), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_chunk_of_another_dtype_is_converted(dtype: type, program: Path, sing: Sing) -> None:
    samples = sing(16_000, 0.6)
    used = session(program)
    got = concat_frames([used.step(row.astype(dtype)) for row in list(chunks(samples, STREAM))])
    assert_same(got, run_chunks(session(program), samples))


# --- what is in the file


def test_a_program_tells_its_stream(program: Path, restated, stream: StreamConfig) -> None:
    used = session(program)
    assert used.stream == stream
    assert used.metadata.entries() == {
        "workbench_format": 3,
        "sample_rate_hz": 16_000,
        "hop_samples": 320,
        "frames_per_chunk": 1,
        "max_frames_per_chunk": 1,
        "streams": 1,
        "mirror": 1.0,
        "algorithmic_ms": restated.algorithmic_ms,
        "reduction": "alwa",
        "state": "internal",
        "state_samples": restated.past_samples,
        "outputs": "pitch,confidence,volume",
    }


@pytest.mark.slow
@pytest.mark.parametrize("state", ["internal", "explicit"])
def test_outputs_that_are_not_asked_for_are_not_returned(
    state: State, stream: StreamConfig, sing, tmp_path: Path
) -> None:
    from workbench.export.executorch import lower
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream
    from workbench.runtime.executorch import PteSession

    whole, some = tmp_path / "whole.pte", tmp_path / "some.pte"
    upstream = load_upstream("mir-1k_g7", stream)
    for path, outputs in ((whole, OUTPUTS), (some, ("pitch",))):
        path.write_bytes(lower(StreamingPesto(upstream, stream, state=state, outputs=outputs), "xnnpack").content)
    audio = sing(16_000, 0.5)
    expected, got = (run_chunks(PteSession(path), audio) for path in (whole, some))
    assert_array_equal(got.pitch_semitones, expected.pitch_semitones)
    assert (expected.absent, got.absent) == ((), ("confidence", "volume"))
    assert np.isnan(got.confidence).all()
    assert np.isnan(got.volume).all()
    assert len(some.read_bytes()) < len(whole.read_bytes())


def test_every_convolution_and_linear_is_delegated(lowered) -> None:
    # constant-Q; first, two prefilters and four narrow layers of the encoder; confidence. Linear: Toeplitz, confidence.
    assert lowered.nodes.delegated_ops["convolution"] == 9
    assert lowered.nodes.delegated_ops["linear"] == 2
    assert not {"convolution", "linear", "addmm", "mm"} & set(lowered.nodes.portable_ops)
    assert {backend for backend, _ in lowered.nodes.delegates} == {"XnnpackBackend"}
    assert sum(nodes for _, nodes in lowered.nodes.delegates) == sum(lowered.nodes.delegated_ops.values())


def test_every_byte_of_the_file_is_accounted_for(lowered, restated) -> None:
    assert all(count >= 0 for count in lowered.bytes_by_kind.values())
    assert sum(lowered.bytes_by_kind.values()) == len(lowered.content)
    assert lowered.bytes_by_kind["initial_state"] == 2 * 4 * restated.ring.numel()  # for `forward` and `reset`
    weights = sum(lowered.bytes_by_part.values())
    own = [tensor for name, tensor in restated.state_dict().items() if name != "ring"]
    assert weights == sum(tensor.numel() * tensor.element_size() for tensor in own)
    assert 0 <= lowered.bytes_by_kind["delegate_weights"] + lowered.bytes_by_kind["other_constants"] - weights < 50_000


def test_the_description_adds_up(lowered) -> None:
    import hashlib

    from workbench.export.program_file import describe

    described = describe(lowered, "program.pte", "internal")
    assert described.bytes == len(lowered.content)
    assert described.sha256 == hashlib.sha256(lowered.content).hexdigest()
    assert described.delegated_nodes == sum(delegate.nodes for delegate in described.delegates)
    assert described.portable_nodes == sum(lowered.nodes.portable_ops.values()) > 0
    assert described.float_ops == {"convolution": 9, "linear": 2, "mm": 7}  # sums over bins and neighbours
    assert described.quantized_ops == {}


def test_lowering_again_gives_the_same_bytes(lowered, restated, sing: Sing) -> None:
    import torch

    from workbench.export.executorch import lower

    restated.estimate(torch.tensor(sing(16_000, 0.4)[None, -320:]))  # audio in the memory must not reach the file
    assert lower(restated, "xnnpack").content == lowered.content
    assert restated.ring.abs().max() == 0


def test_a_lowered_graph_goes_when_it_is_done(restated) -> None:
    """Caches of torch and ExecuTorch kept each, weights and all, for as long as the process."""
    import torch

    from workbench.export.executorch import lower

    def kept() -> tuple[int, int]:
        gc.collect()
        graphs = sum(isinstance(found, torch.export.ExportedProgram) for found in gc.get_objects())
        return graphs, sum(name.startswith("<eval_with_key>") for name in linecache.cache)

    lower(restated, "xnnpack")
    graphs, sources = kept()
    lower(restated, "xnnpack")
    again = kept()
    assert again[0] <= graphs
    assert again[1] == sources == 0


def test_portable_kernels_run_it_too(restated, tmp_path: Path, program: Path) -> None:
    from workbench.export.executorch import lower

    lowered = lower(restated, "portable")
    assert lowered.nodes.delegated_ops == {}
    assert lowered.nodes.delegates == ()
    assert sum(lowered.bytes_by_kind.values()) == len(lowered.content)
    path = tmp_path / "portable.pte"
    path.write_bytes(lowered.content)
    tone = np.sin(2 * np.pi * 440 / 16_000 * np.arange(640)).astype(np.float32)
    got, expected = run_chunks(session(path), tone), run_chunks(session(program), tone)
    np.testing.assert_allclose(got.confidence, expected.confidence, atol=1e-4)
    np.testing.assert_allclose(got.volume, expected.volume, rtol=1e-5)


def test_a_stream_that_does_not_keep_its_memory_is_refused(
    stream: StreamConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from workbench.export.executorch import lower
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream

    model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream)

    def forgetful(self: StreamingPesto, audio: torch.Tensor) -> tuple[torch.Tensor, ...]:
        energy = self.frontend(self.framing(torch.cat((self.ring, audio), -1)))
        return energy.sum(-1), energy.sum(-1), energy.sum(-1)

    monkeypatch.setattr(StreamingPesto, "forward", forgetful)
    with pytest.raises(LoweringError) as caught:
        lower(model, "xnnpack")
    assert str(caught.value) == (
        "lowering to xnnpack takes the streaming state (ring) out of the program, which would "
        "forget all audio between calls; leave it to the host (state: explicit), or use another backend"
    )


def test_what_the_toolchain_refuses_is_one_line(stream: StreamConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from workbench.export.executorch import lower
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream

    model = StreamingPesto(load_upstream("mir-1k_g7", stream), stream)

    def depends_on_data(self: StreamingPesto, audio: torch.Tensor) -> torch.Tensor:
        return audio if audio.sum() > 0 else self.ring

    monkeypatch.setattr(StreamingPesto, "forward", depends_on_data)
    with pytest.raises(LoweringError) as caught:
        lower(model, "xnnpack")
    message = str(caught.value)
    assert message.startswith("lowering to xnnpack failed (")
    assert message.endswith(")")
    assert "\n" not in message


# --- broken programs, always in a child


def refusal(child: IsolatedProcess, path: Path) -> str:
    """What a child says of a program that must not run through; a child that died is one line as well."""
    from workbench.runtime.open_program import run_program

    with pytest.raises(ProgramError) as caught:
        child.call(run_program, path, [np.zeros(640, np.float32)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_program(child: IsolatedProcess, tmp_path: Path) -> None:
    path = tmp_path / "absent.pte"
    assert refusal(child, path) == f"{path}: no such program; `workbench build RECIPE` makes one"


@pytest.mark.parametrize("content", [b"", b"x", b"this is not a program\n" * 50, bytes(5000)])
def test_what_is_no_program(content: bytes, child: IsolatedProcess, tmp_path: Path) -> None:
    path = tmp_path / "broken.pte"
    path.write_bytes(content)
    assert refusal(child, path).startswith(f"{path}: not a program that this runtime can load (")


def survivors(programs: Iterator[bytes], path: Path) -> list[bool]:
    """Whether each program runs two chunks; a child that died is replaced."""
    from workbench.runtime.open_program import run_program

    ran = []
    rest = iter(programs)
    while True:
        with IsolatedProcess() as child:
            for content in rest:
                path.write_bytes(content)
                try:
                    ran.append(len(child.call(run_program, path, [np.zeros(640, np.float32)])[0]) == 2)
                except ProgramError as error:
                    assert "\n" not in str(error)
                    ran.append(False)
                    if "crashed the runtime" in str(error):
                        break
            else:
                return ran


def test_a_cut_off_program_never_runs(program: Path, tmp_path: Path) -> None:
    whole = program.read_bytes()
    cut = (whole[: int(share * len(whole))] for share in (0.0001, 0.01, 0.3, 0.9, 0.9999))
    assert survivors(cut, tmp_path / "cut.pte") == [False] * 5


def test_flipped_bytes_never_take_the_workbench_down(program: Path, tmp_path: Path) -> None:
    """Flips in the code of the program: refused, or the end of the child alone, or not noticed by the format."""
    whole = program.read_bytes()
    places = (4, 9, 16, 40, 100, 400, 1500, 6000)
    flipped = (whole[:at] + bytes(255 - byte for byte in whole[at : at + 8]) + whole[at + 8 :] for at in places)
    ran = survivors(flipped, tmp_path / "flipped.pte")
    assert len(ran) == len(places)
    assert not ran[0]  # the format's own mark


def test_a_program_of_something_else(child: IsolatedProcess, tmp_path: Path) -> None:
    import torch
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(torch.nn.Linear(320, 3), (torch.zeros(1, 320),))
    path = tmp_path / "other.pte"
    path.write_bytes(to_edge_transform_and_lower(exported).to_executorch().buffer)
    assert "no stream metadata" in refusal(child, path)


def test_a_program_of_another_format(child: IsolatedProcess, tmp_path: Path) -> None:
    import torch
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(torch.nn.Linear(320, 3), (torch.zeros(1, 320),))
    path = tmp_path / "later.pte"
    edge = to_edge_transform_and_lower(exported, constant_methods={"workbench_format": 4})
    path.write_bytes(edge.to_executorch().buffer)
    assert refusal(child, path) == f"{path}: metadata format 4, expected 3; rebuild the program"


def test_a_program_that_says_too_little(child: IsolatedProcess, tmp_path: Path) -> None:
    import torch
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(torch.nn.Linear(320, 3), (torch.zeros(1, 320),))
    path = tmp_path / "silent.pte"
    edge = to_edge_transform_and_lower(exported, constant_methods={"workbench_format": 3})
    path.write_bytes(edge.to_executorch().buffer)
    assert refusal(child, path) == f"{path}: the metadata entry sample_rate_hz is missing; rebuild the program"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_program_that_may_not_be_read(child: IsolatedProcess, program: Path, tmp_path: Path) -> None:
    path = tmp_path / "closed.pte"
    path.write_bytes(program.read_bytes())
    path.chmod(0)
    refusal(child, path)
