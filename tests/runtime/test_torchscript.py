"""TorchScript files that are not programs, and a script that fails while it runs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.sessions import CumulativeSumSession
from workbench.errors import ProgramError
from workbench.export.metadata import METADATA_KEY, as_json, metadata_of
from workbench.model.streaming import StreamingPesto
from workbench.runtime.open_program import open_program
from workbench.runtime.torchscript import TorchScriptSession


def refusal(path: Path) -> str:
    with pytest.raises(ProgramError) as caught:
        open_program(path)
    return str(caught.value)


def test_other_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "program.pt"
    path.write_text("no")
    assert "not TorchScript that torch can load" in refusal(path)
    assert "no such program" in refusal(tmp_path / "absent.pt")


def test_other_script_is_refused(tmp_path: Path, restated: StreamingPesto) -> None:
    path, script = tmp_path / "program.pt", torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))
    torch.jit.save(script, path)
    assert "no stream metadata" in refusal(path)
    metadata = metadata_of(restated)
    for entries, message in (
        (metadata, "has no streaming state (*cache.pad)"),
        ({**metadata, "workbench_format": 9}, "metadata format 9"),
    ):
        torch.jit.save(script, path, _extra_files={METADATA_KEY: as_json(entries)})
        assert message in refusal(path)


def test_failing_script_raises_program_error() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("The following operation failed in the TorchScript interpreter.\nRuntimeError: too small\n")

    session = TorchScriptSession.__new__(TorchScriptSession)
    session.stream, session._model = CumulativeSumSession().stream, fail
    with pytest.raises(ProgramError, match=r"\(RuntimeError: too small\)$"):
        session.step(np.zeros(2, np.float32))
