"""Work in a child process: what it returns, raises, and leaves when it dies."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.processes import alive, ends_with_its_parent
from workbench.errors import AudioError, ProgramError, WorkbenchError
from workbench.runtime.isolation import IsolatedProcess

# Functions of this module, so that the child can import them.


def add(a: int, *, b: int) -> int:
    return a + b


def refuse(path: str) -> None:
    raise AudioError(f"{path}: no")


def abort() -> None:
    os.abort()


def say_and_abort(words: bytes) -> None:
    os.write(2, words)
    os.abort()


def kill_itself(by: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), by)


def no_memory() -> None:
    raise MemoryError


class Large:
    """What the child has no memory to unpickle."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return no_memory, ()


def leave() -> None:
    os._exit(0)


class Counter:
    """What does not pickle: it holds a lock."""

    def __init__(self, start: int) -> None:
        self.count, self.lock = start, threading.Lock()

    def add(self, steps: int) -> int:
        self.count += steps
        return self.count


def pid() -> int:
    return os.getpid()


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; after each test nothing is left there, nor any process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_results_and_exceptions_pass_through_one_process(logs: Path) -> None:
    with IsolatedProcess() as child:
        assert child.call(add, 1, b=2) == 3
        with pytest.raises(AudioError) as caught:
            child.call(refuse, "take.wav")
        assert str(caught.value) == "take.wav: no"
        process = child.call(pid)
        assert process != os.getpid()
        assert child.call(pid) == process
        assert alive(process)
        assert list(logs.iterdir()) == []  # its log has no name, and so is left by no kill
    assert not alive(process)


@pytest.mark.parametrize("die", [abort, leave])
def test_a_process_that_dies_is_a_program_error(die: object) -> None:
    with IsolatedProcess() as child, pytest.raises(ProgramError) as caught:
        child.call(die)
    assert str(caught.value) == "the program crashed the runtime"


def test_one_that_is_killed_says_nothing_of_the_program() -> None:
    signals = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGBUS)
    for by in (one for one in signals if signal.getsignal(one) != signal.SIG_IGN):  # as nohup has it
        with IsolatedProcess() as child, pytest.raises(WorkbenchError) as caught:
            child.call(kill_itself, by)
        assert_killed(caught.value)


def test_nor_one_of_which_nobody_knows_how_it_ended() -> None:
    with IsolatedProcess() as child, pytest.raises(WorkbenchError) as caught:
        child.call(pid)
        child._process = type("Unknown", (), {"exitcode": None, "kill": lambda _: None})()
        child.call(abort)
    assert_killed(caught.value)


def test_nor_one_that_found_no_memory() -> None:
    words = b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"
    with IsolatedProcess() as child, pytest.raises(WorkbenchError) as caught:
        child.call(say_and_abort, words)
    assert_killed(caught.value)


def test_nor_one_without_memory_for_what_it_is_given() -> None:
    with IsolatedProcess() as child, pytest.raises(WorkbenchError) as caught:
        child.call(print, Large())
    assert_killed(caught.value)


def assert_killed(error: WorkbenchError) -> None:
    assert not isinstance(error, ProgramError)
    assert str(error) == (
        "the worker process was killed (signal, resource limit or out of memory); free some memory and run again"
    )


def test_one_that_never_answers_is_ended() -> None:
    with IsolatedProcess() as child:
        process = child.call(pid)  # a process takes its time to start
        child.limit_s = 0.5
        with pytest.raises(ProgramError) as caught:
            child.call(time.sleep, 3600)
    assert str(caught.value) == "the program did not return within 0.5 s"
    assert not alive(process)


def test_it_ends_with_its_parent() -> None:
    """A parent that is killed cannot tidy up; a child that waited for ever would be left of every kill."""
    script = (
        "import sys, time\nfrom workbench.runtime.isolation import IsolatedProcess\nimport os\n"
        "if __name__ == '__main__':\n    with IsolatedProcess() as child:\n        print(child.call(os.getpid), "
        "flush=True)\n"
        "        child.call(time.sleep, 3600)\n"
    )
    assert ends_with_its_parent(script)


def test_its_last_words_are_told() -> None:
    words = b"Error in cpuinfo: no\nfirst\n  Check failed: 1 == 2  \n\nWarning in cpuinfo: no\n"
    with IsolatedProcess() as child, pytest.raises(ProgramError) as caught:
        child.call(say_and_abort, words)
    assert str(caught.value) == "the program crashed the runtime (last stderr line: Check failed: 1 == 2)"


def test_every_later_call_to_a_dead_process_is_a_program_error() -> None:
    with IsolatedProcess() as child:
        with pytest.raises(ProgramError):
            child.call(abort)
        with pytest.raises(ProgramError) as caught:
            child.call(add, 1, b=2)
    assert "\n" not in str(caught.value)


def test_an_exception_inside_the_block_leaves_nothing_behind() -> None:
    with pytest.raises(KeyError), IsolatedProcess() as child:
        process = child.call(pid)
        raise KeyError
    assert not alive(process)


def test_its_stderr_is_not_ours(capfd: pytest.CaptureFixture[str]) -> None:
    with IsolatedProcess() as child:
        child.call(os.write, 2, b"noise\n")
    assert capfd.readouterr().err == ""


def test_a_worker_keeps_its_state_between_calls() -> None:
    with IsolatedProcess() as child:
        first, second = child.start(Counter, 10), child.start(Counter, start=0)
        assert [first.call(Counter.add, 1), second.call(Counter.add, 5), first.call(Counter.add, steps=1)] == [
            11,
            5,
            12,
        ]
