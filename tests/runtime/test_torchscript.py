"""A TorchScript program that fails while it runs."""

import numpy as np
import pytest

from tests.helpers.sessions import CumulativeSumSession
from workbench.errors import ProgramError
from workbench.runtime.torchscript import TorchScriptSession


def test_failing_script_raises_program_error() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("The following operation failed in the TorchScript interpreter.\nRuntimeError: too small\n")

    session = TorchScriptSession.__new__(TorchScriptSession)
    session.stream, session._model = CumulativeSumSession().stream, fail
    with pytest.raises(ProgramError) as caught:
        session.step(np.zeros(2, np.float32))
    assert str(caught.value) == "the script failed while running (RuntimeError: too small)"
