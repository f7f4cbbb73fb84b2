"""ExecuTorch's runtime: upstream's numbers, threads, its bindings, and files that are not programs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from executorch.exir import to_edge_transform_and_lower

from tests.helpers.frames import assert_near
from tests.helpers.imports import imports_of_package
from tests.helpers.programs import ProgramFactory
from tests.helpers.upstream import pesto_model
from workbench.errors import ProgramError, ThreadCountError
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime import executorch
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.executorch import PteSession, load_program, missing_backends, set_num_threads
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import run_chunks

Sing = Callable[[int, float], np.ndarray]

STREAM = StreamConfig(16_000, 320, 1, 1.0)
SHIPPED_ALONE = "bundle/verify_standalone.py"  # it imports nothing of the workbench


@pytest.fixture(scope="module")
def child() -> Iterator[IsolatedProcess]:
    """Opens programs that may be broken."""
    with IsolatedProcess() as process:
        yield process


def thread_counts(*requests: int) -> tuple[int, int]:
    """In a child: sets the threads in order, and returns those of ExecuTorch and of torch."""
    for threads in requests:
        set_num_threads(threads)
    return executorch._portable_lib._threadpool_get_thread_count(), torch.get_num_threads()


def load_other(program: Path) -> None:
    with pytest.raises(ProgramError, match="no stream metadata"):
        load_program(program)


def test_threads_can_change_until_a_program_is_loaded(other_program: Path) -> None:
    with IsolatedProcess() as child:
        assert child.call(thread_counts, 1, 2) == (2, 2)
        assert child.call(thread_counts, 1, 2, 1) == (1, 1), "the last number counts"
        child.call(load_other, other_program)
        assert child.call(thread_counts, 1, 1) == (1, 1)
        with pytest.raises(ThreadCountError, match="use another process for 2 threads"):
            child.call(thread_counts, 2)
        assert child.call(thread_counts) == (1, 1), "a refused number changes nothing"


@pytest.fixture(scope="module")
def other_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that is not the workbench's."""
    path = tmp_path_factory.mktemp("other") / "other.pte"
    path.write_bytes(linear_program())
    return path


def linear_program(**entries: object) -> bytes:
    exported = torch.export.export(torch.nn.Linear(320, 3), (torch.zeros(1, 320),))
    edge = to_edge_transform_and_lower(exported, constant_methods=entries or None)
    return bytes(edge.to_executorch().buffer)


def test_only_one_module_imports_the_bindings() -> None:
    bindings = ("executorch.runtime", "executorch.extension")
    imports = imports_of_package(top_level_only=False)
    importers = {path for path, names in imports.items() if any(name.startswith(bindings) for name in names)}
    assert importers - {SHIPPED_ALONE} == {"runtime/executorch.py"}


def test_missing_backends_are_those_the_runtime_lacks() -> None:
    assert missing_backends(["XnnpackBackend", "NoSuchBackend", "NoSuchBackend"]) == ("NoSuchBackend",)


def refusal(child: IsolatedProcess, path: Path) -> str:
    with pytest.raises(ProgramError) as caught:
        child.call(run_program, path, [np.zeros(640, np.float32)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestOtherFiles:
    @pytest.mark.parametrize("content", [b"", b"this is not a program\n" * 50])
    def test_other_bytes_are_refused(self, content: bytes, child: IsolatedProcess, tmp_path: Path) -> None:
        path = tmp_path / "broken.pte"
        path.write_bytes(content)
        assert refusal(child, path).startswith(f"{path}: not a program that this runtime can load (")

    def test_program_with_other_metadata_is_refused(self, child: IsolatedProcess, tmp_path: Path) -> None:
        path = tmp_path / "other.pte"
        path.write_bytes(linear_program(workbench_format=4))
        assert "metadata format 4" in refusal(child, path)


@pytest.mark.slow
class TestProgram:
    def test_frames_match_upstream_s_own_loader(self, program: Path, stream: StreamConfig, sing: Sing) -> None:
        samples = sing(16_000, 3.0)
        expected = run_chunks(UpstreamSession(pesto_model(stream), stream), samples)
        actual = run_chunks(PteSession(program), samples)
        assert_near(actual, expected)
        cents = 100 * np.abs(actual.pitch_semitones - expected.pitch_semitones)[expected.confidence >= 0.5]
        assert np.percentile(cents, 95) <= 0.01
        assert actual.margin is None

    def test_only_internal_state_has_a_reset_method(self, program_for: ProgramFactory) -> None:
        names = [load_program(program_for(STREAM, state)).program.method_names for state in ("explicit", "internal")]
        assert names[1] - names[0] == {"reset"}

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
    def test_unreadable_program_is_refused(self, child: IsolatedProcess, program: Path, tmp_path: Path) -> None:
        path = tmp_path / "closed.pte"
        path.write_bytes(program.read_bytes())
        path.chmod(0)
        refusal(child, path)
