"""Work in a child process: what it returns, what it raises, and what is left when it dies."""

import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.helpers.processes import alive, ends_with_its_parent
from workbench.errors import AudioError, ProgramError, WorkbenchError
from workbench.runtime.isolation import IsolatedProcess

# Functions of this module, so that the child can import them.


def add(first: int, *, second: int) -> int:
    return first + second


def refuse(path: str) -> None:
    raise AudioError(f"{path}: no")


def leave() -> None:
    os._exit(0)


def write_and_abort(text: bytes) -> None:
    os.write(2, text)
    os.abort()


def kill_itself(number: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def no_memory() -> None:
    raise MemoryError


def library_output() -> tuple[int, str]:
    """The level to which logging is disabled, and what happens to a warning."""
    return logging.root.manager.disable, warnings.filters[0][0]


class Large:
    """The child has no memory to unpickle it."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return no_memory, ()


class Counter:
    """Does not pickle: it holds a lock."""

    def __init__(self, start: int) -> None:
        self.count, self.lock = start, threading.Lock()

    def add(self, steps: int) -> int:
        self.count += steps
        return self.count


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files; after each test it is empty, and no child is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_results_and_exceptions_come_from_one_process(logs: Path) -> None:
    with IsolatedProcess() as child:
        assert child.call(add, 1, second=2) == 3
        with pytest.raises(AudioError, match=r"^take.wav: no$"):
            child.call(refuse, "take.wav")
        process = child.call(os.getpid)
        assert process != os.getpid()
        assert child.call(os.getpid) == process
        assert alive(process)
        assert list(logs.iterdir()) == []  # the log has no name, so no kill leaves it
    assert not alive(process)


def test_process_is_its_own_if_another_starts_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may start a process at the same time."""
    others: list[Any] = []
    submit = ProcessPoolExecutor.submit

    def start_another(*args: Any, **kwargs: Any) -> Any:
        if not others:
            others.append(multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,)))
            others[0].start()
        return submit(*args, **kwargs)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", start_another)
    with IsolatedProcess() as child:
        assert child._process.pid == child.call(os.getpid) != others[0].pid
    others[0].kill()
    others[0].join()


@pytest.mark.parametrize(
    ("work", "arguments", "message"),
    [
        (write_and_abort, (b"",), "the program crashed the runtime"),
        (leave, (), "the program crashed the runtime"),
        (
            write_and_abort,
            (b"Error in cpuinfo: no\nfirst\n  Check failed: 1 == 2  \n\nWarning in cpuinfo: no\n",),
            "the program crashed the runtime (last stderr line: Check failed: 1 == 2)",
        ),
    ],
)
def test_crash_is_a_program_error(work: Callable[..., None], arguments: tuple[bytes, ...], message: str) -> None:
    with IsolatedProcess() as child:
        with pytest.raises(ProgramError) as caught:
            child.call(work, *arguments)
        assert str(caught.value) == message
        with pytest.raises(ProgramError):
            child.call(add, 1, second=2)  # as every later call


def assert_killed(child: IsolatedProcess, work: Callable[..., None], argument: object) -> None:
    with pytest.raises(WorkbenchError, match=r"was killed \(signal, resource limit or out of memory\)") as caught:
        child.call(work, argument)
    assert not isinstance(caught.value, ProgramError)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU", "SIGBUS"])
def test_kill_from_outside_is_no_program_error(name: str) -> None:
    number = getattr(signal, name)
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("the signal is ignored here, as under nohup")
    with IsolatedProcess() as child:
        assert_killed(child, kill_itself, number)


BAD_ALLOC = b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"


@pytest.mark.parametrize(
    ("work", "argument"), [(write_and_abort, BAD_ALLOC), (print, Large())], ids=["aborts", "cannot-read-its-input"]
)
def test_lack_of_memory_is_no_program_error(work: Callable[..., None], argument: object) -> None:
    with IsolatedProcess() as child:
        assert_killed(child, work, argument)


def test_unknown_exit_code_is_no_program_error() -> None:
    with IsolatedProcess() as child:
        child.call(os.getpid)
        child._process = type("Unknown", (), {"exitcode": None, "kill": lambda _: None})()
        assert_killed(child, write_and_abort, b"")


def test_call_over_its_limit_is_killed() -> None:
    with IsolatedProcess() as child:
        process = child.call(os.getpid)  # a process needs time to start
        child.limit_s = 0.5
        with pytest.raises(ProgramError, match=r"^the program did not return within 0.5 s$"):
            child.call(time.sleep, 3600)
    assert not alive(process)


def test_child_ends_with_its_parent() -> None:
    """A parent that is killed cannot end its child."""
    script = (
        "import os, time\nfrom workbench.runtime.isolation import IsolatedProcess\n"
        "if __name__ == '__main__':\n    with IsolatedProcess() as child:\n"
        "        print(child.call(os.getpid), flush=True)\n        child.call(time.sleep, 3600)\n"
    )
    assert ends_with_its_parent(script)


def test_exception_inside_the_block_leaves_no_process() -> None:
    with pytest.raises(KeyError), IsolatedProcess() as child:
        process = child.call(os.getpid)
        raise KeyError
    assert not alive(process)


def test_stderr_of_the_child_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with IsolatedProcess() as child:
        child.call(os.write, 2, b"noise\n")
    assert capfd.readouterr().err == ""


def test_library_warnings_are_silenced_only_in_the_child() -> None:
    before = library_output()
    with IsolatedProcess() as child:
        assert child.call(library_output) == (logging.WARNING, "ignore")
    assert library_output() == before


def test_only_children_and_the_command_line_silence_libraries() -> None:
    package = Path(workbench.__file__).parent
    silencing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if any(call in path.read_text() for call in ("logging.disable(", "simplefilter(", "filterwarnings("))
    }
    assert silencing == {"cli", "runtime"}


def test_worker_keeps_its_state_between_calls() -> None:
    with IsolatedProcess() as child:
        first, second = child.start(Counter, 10), child.start(Counter, start=0)
        counts = [first.call(Counter.add, 1), second.call(Counter.add, 5), first.call(Counter.add, steps=1)]
        assert counts == [11, 5, 12]
