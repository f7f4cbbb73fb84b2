"""Work in a child process: what it returns, what it raises, and what is left when it dies."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import workbench
from tests.helpers.processes import alive, ends_with_its_parent
from workbench.errors import AudioError, ProgramCrashError, ProgramTimeoutError, WorkerKilledError
from workbench.runtime.isolation import IsolatedProcess

# Functions of this module, so that the child can import them.


def refuse(path: str) -> None:
    raise AudioError(f"{path}: no")


def write_and_abort(text: bytes) -> None:
    os.write(2, text)
    os.abort()


def kill_itself(name: str) -> None:
    number = signal.Signals[name]
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)  # a signal can be ignored here, as under nohup
    os.kill(os.getpid(), number)


def library_output() -> tuple[int, str]:
    """The level to which logging is disabled, and what happens to a warning."""
    return logging.root.manager.disable, warnings.filters[0][0]


def is_imported(name: str) -> bool:
    return name in sys.modules


class Counter:
    """Does not pickle: it holds a lock."""

    def __init__(self, start: int) -> None:
        self.count, self.lock = start, threading.Lock()

    def add(self, steps: int) -> int:
        self.count += steps
        return self.count


@pytest.fixture(params=[False, True], ids=["new", "copied"])
def isolated(request: pytest.FixtureRequest) -> IsolatedProcess:
    """A process that is not started yet: a new Python, or a copy of one that has its imports."""
    return IsolatedProcess(copied=request.param)


@pytest.fixture(scope="module", autouse=True)
def template() -> None:
    """The process that is copied. Python keeps a folder with its socket until it ends."""
    with IsolatedProcess(copied=True):
        pass


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files; after each test it is empty, and no child is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_child_keeps_its_process_and_its_objects(
    isolated: IsolatedProcess, logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = library_output()
    with pytest.raises(KeyError), isolated as child:
        assert child.call(int, "1f", base=16) == 31
        with pytest.raises(AudioError, match=r"^take.wav: no$"):
            child.call(refuse, "take.wav")
        first, second = child.start(Counter, 10), child.start(Counter, start=0)
        counts = [first.call(Counter.add, 1), second.call(Counter.add, 5), first.call(Counter.add, steps=1)]
        assert counts == [11, 5, 12]
        process = child.call(os.getpid)
        assert process == child.call(os.getpid) != os.getpid()
        assert alive(process)
        assert child.call(library_output) == (logging.WARNING, "ignore")
        child.call(os.write, 2, b"noise\n")
        assert list(logs.iterdir()) == []  # the log has no name, so no kill leaves it
        raise KeyError
    assert not alive(process)
    assert library_output() == before
    assert capfd.readouterr().err == ""


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


CRASHED = "the program crashed the runtime"
KILLED = r"was killed \(signal, resource limit or out of memory\)"
FAILED_CHECK = b"Error in cpuinfo: no\nfirst\n  Check failed: 1 == 2  \n\nWarning in cpuinfo: no\n"
NO_MEMORY = (b"terminate called after throwing an instance of 'std::bad_alloc'\n", b"Traceback\nMemoryError\n")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGXCPU", "SIGBUS")


@pytest.mark.parametrize(
    ("message", "work", "argument"),
    [
        (f"{CRASHED}$", write_and_abort, b""),
        (f"{CRASHED}$", os._exit, 0),
        (rf"{CRASHED} \(last stderr line: Check failed: 1 == 2\)$", write_and_abort, FAILED_CHECK),
        *((KILLED, kill_itself, name) for name in SIGNALS),
        *((KILLED, write_and_abort, text) for text in NO_MEMORY),
    ],
)
def test_kill_or_lack_of_memory_is_no_program_error(
    isolated: IsolatedProcess, message: str, work: Callable[..., None], argument: object
) -> None:
    with isolated as child:
        for _ in range(2):  # every later call fails as well
            with pytest.raises(WorkerKilledError if message == KILLED else ProgramCrashError, match=message):
                child.call(work, argument)


def test_call_over_its_limit_is_killed(isolated: IsolatedProcess) -> None:
    with isolated as child:
        process = child.call(os.getpid)  # a process needs time to start
        child.limit_s = 0.5
        with pytest.raises(ProgramTimeoutError, match=r"^the program did not return within 0.5 s$"):
            child.call(time.sleep, 3600)
    assert not alive(process)


def test_unknown_exit_code_is_no_program_error() -> None:
    with IsolatedProcess() as child:
        child.call(os.getpid)
        child._process = type("Unknown", (), {"exitcode": None, "kill": lambda _: None})()
        with pytest.raises(WorkerKilledError, match=KILLED):
            child.call(write_and_abort, b"")


def test_only_a_copy_starts_with_imports() -> None:
    if sys.platform != "linux":
        pytest.skip("no other system copies a process")
    imported = []
    for copied in (False, True):
        with IsolatedProcess(copied=copied) as child:
            imported.append([child.call(is_imported, name) for name in ("torch", "executorch.runtime", "pesto")])
    assert imported == [[False] * 3, [True] * 3]


def test_a_killed_template_is_no_program_error() -> None:
    if sys.platform != "linux":
        pytest.skip("no other system copies a process")
    with IsolatedProcess(copied=True) as child:
        template = child.call(os.getppid)
        os.kill(template, signal.SIGKILL)
        with pytest.raises(WorkerKilledError, match=KILLED):
            child.call(write_and_abort, b"")
    with IsolatedProcess(copied=True) as child:
        assert child.call(os.getppid) != template


def test_without_sockets_a_child_is_a_new_python(monkeypatch: pytest.MonkeyPatch) -> None:
    too_long = Mock(side_effect=OSError("AF_UNIX path too long"))
    monkeypatch.setattr("workbench.runtime.isolation.ensure_running", too_long, raising=False)
    before = dict(os.environ)
    with IsolatedProcess(copied=True) as child:
        assert not child.call(is_imported, "pesto")
    assert os.environ == before


def test_a_copy_has_the_modules_and_the_variables_of_its_parent(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It has no modules of the folder that it starts in, and no variables as they were when the first copy started."""
    script, folder = tmp_path_factory.mktemp("scripts") / "script.py", tmp_path_factory.mktemp("folder")
    (folder / "pesto.py").write_text("raise SystemExit")
    script.write_text(
        "import os, sys\nfrom workbench.runtime.isolation import IsolatedProcess\n"
        "def found():\n    return os.getenv('OF_TEST'), os.getenv('PYTHONSAFEPATH'), 'pesto.model' in sys.modules\n"
        "if __name__ == '__main__':\n"
        "    for value in 'ab':\n"
        "        os.environ['OF_TEST'] = value\n"
        "        with IsolatedProcess(copied=True) as child:\n"
        "            print(*child.call(found))\n"
    )
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, check=True)
    is_copied = sys.platform == "linux"
    assert done.stdout.splitlines() == [f"a None {is_copied}", f"b None {is_copied}"]


@pytest.mark.parametrize("copied", [False, True])
def test_child_ends_with_its_parent(copied: bool) -> None:
    """A parent that is killed cannot end its child."""
    script = (
        "import os, time\nfrom workbench.runtime.isolation import IsolatedProcess\n"
        f"if __name__ == '__main__':\n    with IsolatedProcess(copied={copied}) as child:\n"
        "        print(child.call(os.getpid), flush=True)\n        child.call(time.sleep, 3600)\n"
    )
    assert ends_with_its_parent(script)


def test_only_children_and_the_command_line_silence_libraries() -> None:
    package = Path(workbench.__file__).parent
    calls = ("logging.disable(", "simplefilter(", "filterwarnings(")
    silencing = [path for path in package.rglob("*.py") if any(call in path.read_text() for call in calls)]
    assert {path.relative_to(package).parts[0] for path in silencing} == {"cli", "runtime", "workflows"}
    assert [path.name for path in silencing if "workflows" in path.parts] == ["task.py"], "what a worker runs"
