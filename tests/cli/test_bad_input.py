"""Every case of bad_input_cases.py: its message, its exit code, and no file left behind."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from tests.cli.bad_input_cases import RAN, TABLES, Case
from tests.helpers.models.students import random_frames
from tests.helpers.project import workbench
from workbench.export.metadata import FORMAT, build_metadata
from workbench.recipe.options import OUTPUTS
from workbench.recipe.stream_config import StreamConfig

MAX_READ_BYTES = 20_000_000
CASES = [pytest.param(case, id=f"{title}-{case.what}") for title, cases in TABLES.items() for case in cases]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs that load but are not the workbench's: of another model, of another format, and with metadata that is
    incomplete, invalid, or of a stream that the program does not have."""
    import torch
    from executorch.exir import to_edge

    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    root = tmp_path_factory.mktemp("programs")
    exported = torch.export.export(Twice(), (torch.ones(1, 8),))
    metadata = {"other": None, "older": {"workbench_format": 2}, "half": {"workbench_format": FORMAT}}
    metadata["mute"] = build_metadata(StreamConfig(16_000, 320, 1, 1.0), 25.0, "alwa", "frozen", 0, OUTPUTS)
    metadata["wordy"] = {**metadata["mute"], "hop_samples": "many"}
    for name, entries in metadata.items():
        (root / f"{name}.pte").write_bytes(to_edge(exported, constant_methods=entries).to_executorch().buffer)
    return root


@pytest.fixture(scope="module")
def one_child() -> Iterator[Any]:
    """One process for all programs, so the runtime is imported once. A crash ends it and fails the tests after it."""
    from workbench.runtime.isolation import IsolatedProcess

    @contextmanager
    def shared(limit_s: float | None = None) -> Iterator[IsolatedProcess]:
        child.call(os.chdir, Path.cwd())
        yield child

    with IsolatedProcess() as child:
        yield shared


@pytest.fixture
def project(case: Case, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder and, for cases of programs, the programs of other tools."""
    monkeypatch.setenv("CXX", "c++")  # restores what a case sets
    monkeypatch.setitem(sys.modules, "penn", None)  # as on a machine without it
    if case.command.startswith("train"):
        monkeypatch.setattr("workbench.distill.batches.teacher_frames", lambda *_: random_frames())
    if case.what == "a full disk":
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "built/training.pt")
        monkeypatch.setattr("workbench.distill.state.write_atomic", Mock(side_effect=full))
    if case in TABLES["Programs"]:
        for path in request.getfixturevalue("others").iterdir():
            Path(path.name).symlink_to(path)
        soundfile.write("take.wav", np.ones(800) / 9, 8000)
        monkeypatch.setattr("workbench.workflows.track.IsolatedProcess", request.getfixturevalue("one_child"))
    return folder


def content(path: Path) -> tuple[Any, ...]:
    """Returns the target of a link, and the bytes of a file or, if it is large or not readable, its size and time."""
    status = path.lstat()
    if path.is_symlink():
        return (path.readlink(),)
    if not stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_IRUSR or status.st_size > MAX_READ_BYTES:
        return status.st_mode, status.st_size, status.st_mtime_ns
    return (path.read_bytes(),)


def contents(folder: Path) -> dict[Path, tuple[Any, ...]]:
    return {path: content(path) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", CASES)
def test_message_and_exit_code(case: Case, project: Path) -> None:
    case.make()
    if "Permission denied" in case.message and os.access("calib_audio/sung/a.wav", os.R_OK):
        pytest.skip("this user may read everything")
    before = contents(project)
    result = workbench(*case.command.split())
    message = case.message.replace("{here}", str(project))
    assert result.exit_code == case.code
    if case.code == 2:
        assert [line for line in result.stderr.splitlines() if line.startswith("error: ")] == [f"error: {message}"]
        assert result.stdout == "" or case.command == "audio"  # it lists the good clips first
    else:
        assert message in result.stdout.splitlines()
    assert "Traceback" not in result.output
    assert contents(project) == before
    assert not RAN.exists() and not Path("/tmp", RAN).exists()
