"""ExecuTorch's runtime: upstream's numbers, threads, its bindings, and files that are not programs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from executorch.exir import to_edge_transform_and_lower

from tests.helpers.frames import assert_near
from tests.helpers.models.upstream import pesto_model
from workbench.errors import ProgramError, ThreadCountError
from workbench.private_names import pool_threads
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime import executorch
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.executorch import PteSession, missing_backends, set_num_threads
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import run_chunks


def thread_counts(*requests: int) -> tuple[int, int]:
    """In a child: sets the threads in order, and returns those of ExecuTorch and of torch."""
    for threads in requests:
        set_num_threads(threads)
    return pool_threads(), torch.get_num_threads()


def linear_program(**entries: object) -> bytes:
    """A program that is not the workbench's."""
    exported = torch.export.export(torch.nn.Linear(320, 3), (torch.zeros(1, 320),))
    edge = to_edge_transform_and_lower(exported, constant_methods=entries or None)
    return bytes(edge.to_executorch().buffer)


def refusal(child: IsolatedProcess, path: Path, content: bytes) -> str:
    """Opens these bytes in a child, and returns why they are refused."""
    path.write_bytes(content)
    with pytest.raises(ProgramError) as caught:
        child.call(run_program, path, [np.zeros(640, np.float32)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_loading_fixes_the_threads_and_refuses_other_files(tmp_path: Path) -> None:
    """One child for both, because it takes seconds to start."""
    path = tmp_path / "other.pte"
    with IsolatedProcess() as child:
        assert child.call(thread_counts, 1, 2) == (2, 2)
        assert child.call(thread_counts, 1, 2, 1) == (1, 1), "the last number counts"
        assert "no stream metadata" in refusal(child, path, linear_program())
        assert child.call(thread_counts, 1, 1) == (1, 1)
        with pytest.raises(ThreadCountError, match="use another process for 2 threads"):
            child.call(thread_counts, 2)
        assert child.call(thread_counts) == (1, 1), "a refused number changes nothing"
        assert "metadata format 4" in refusal(child, path, linear_program(workbench_format=4))
        for content in (b"", b"this is not a program\n" * 50):
            assert refusal(child, path, content).startswith(f"{path}: not a program that this runtime can load (")


def test_threads_cannot_change_after_a_program_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = pool_threads()
    monkeypatch.setattr(executorch, "_pool_in_use", True)
    with pytest.raises(ThreadCountError, match=f"runs with {threads} threads"):
        set_num_threads(threads + 1)


def test_missing_backends_are_those_the_runtime_lacks() -> None:
    assert missing_backends(["XnnpackBackend", "NoSuchBackend", "NoSuchBackend"]) == ("NoSuchBackend",)


@pytest.mark.slow
def test_frames_match_upstream_s_own_loader(
    program: Path, stream: StreamConfig, sing: Callable[[int, float], np.ndarray]
) -> None:
    samples = sing(16_000, 3.0)
    expected = run_chunks(UpstreamSession(pesto_model(stream), stream), samples)
    actual = run_chunks(PteSession(program), samples)
    assert_near(actual, expected)
    cents = 100 * np.abs(actual.pitch_semitones - expected.pitch_semitones)[expected.confidence >= 0.5]
    assert np.percentile(cents, 95) <= 0.01
    assert actual.margin is None
