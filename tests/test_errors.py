"""Want of memory, and what nobody foresaw: neither is a verdict on a model."""

import errno
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from tests.conftest import Sums
from workbench.cli._shared.group import ERROR, ErrorHandlingGroup
from workbench.errors import LoweringError, ProgramError, program_error
from workbench.export.toolchain_errors import toolchain_errors
from workbench.runtime.torchscript import TorchScriptSession

WANT = RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to")
NO_MEMORY = "error: out of memory; close other programs or run fewer variants at once\n"


def test_want_of_memory_is_no_failure_to_lower() -> None:
    with pytest.raises(MemoryError), toolchain_errors("lowering"):
        raise WANT
    with pytest.raises(LoweringError) as caught, toolchain_errors("lowering"):
        raise RuntimeError("no such operator\nand more")
    assert str(caught.value) == "lowering failed (RuntimeError: no such operator)"


ONNX_WANT = RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 8")


@pytest.mark.parametrize("error", [WANT, ONNX_WANT, MemoryError("std::bad_alloc")])
def test_want_of_memory_is_no_failure_of_a_program(error: BaseException) -> None:
    with pytest.raises(MemoryError) as caught:
        raise program_error("the program failed while running", error)
    assert str(caught.value) == str(error)


def test_a_runtime_s_error_is_one_of_the_program() -> None:
    failed = program_error("the program failed while running", RuntimeError("no kernel\nand more"))
    assert str(failed) == "the program failed while running (no kernel)"


def told(error: BaseException) -> tuple[int, str]:
    @click.group(cls=ErrorHandlingGroup)
    def main() -> None: ...

    @main.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(main, ["fail"])
    return result.exit_code, result.stderr


@pytest.mark.parametrize("error", [WANT, MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_want_of_memory_is_one_line(error: BaseException) -> None:
    assert told(error) == (ERROR, NO_MEMORY)


def test_a_bug_is_no_verdict() -> None:
    code, says = told(KeyError("of ours"))
    first, *_, before, last = says.splitlines()
    assert (code, first, before) == (ERROR, "Traceback (most recent call last):", "KeyError: 'of ours'")
    assert last == "error: internal error; please report it with the traceback above"


def test_what_is_click_s_stays_so() -> None:
    assert told(click.exceptions.Exit(5)) == (5, "")
    assert told(click.Abort()) == (1, "Aborted!\n")
    assert told(click.ClickException("no")) == (1, "Error: no\n")


def test_a_script_that_fails_is_a_program_that_does() -> None:
    def fail(_: object) -> None:
        raise RuntimeError("The following operation failed in the TorchScript interpreter.\nRuntimeError: too small\n")

    session = TorchScriptSession.__new__(TorchScriptSession)
    session.stream, session._model = Sums().stream, fail
    with pytest.raises(ProgramError) as caught:
        session.step(np.zeros(2, np.float32))
    assert str(caught.value) == "the script failed while running (RuntimeError: too small)"


def test_make_measured_takes_verdicts_alone() -> None:
    """0, 1 and 3 are verdicts; 2, and 130 or 137 of a run that was ended, are none."""
    import subprocess

    line = next(
        line for line in Path(__file__).parent.parent.joinpath("Makefile").read_text().splitlines() if "case" in line
    )
    command = line.partition(";")[2].replace("$$", "$")
    passes = [
        code for code in (0, 1, 2, 3, 127, 130, 137) if not subprocess.call(f"(exit {code}); {command}", shell=True)
    ]
    assert passes == [0, 1, 3]
