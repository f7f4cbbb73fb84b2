"""SIGTERM, from `timeout` or systemd, ends a command as ctrl-C does: it cleans up and exits with 128 + the signal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.helpers.processes import LIMIT_S, alive
from workbench.cli import main

COMMAND = """
import os, signal, tempfile, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
from workbench.cli._shared.group import main
from workbench.runtime.isolation import IsolatedProcess

@main.command()
def wait():
    with tempfile.TemporaryDirectory() as folder, IsolatedProcess() as child:
        process = child.call(os.getpid)
        try:
            print(process, flush=True)
            child.call(time.sleep, 3600)
        finally:
            print("cleaning up", flush=True)
            time.sleep(0.5)  # until the second signal has arrived

if __name__ == "__main__":
    main(["wait"])
"""


@pytest.fixture
def waiting(tmp_path: Path) -> subprocess.Popen[str]:
    """A command with a temporary folder and a running child process, in a new session."""
    (tmp_path / "temporary").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_no_file_or_process(waiting: subprocess.Popen[str], tmp_path: Path, sent: signal.Signals) -> None:
    assert waiting.stdout is not None and waiting.stderr is not None
    child = int(waiting.stdout.readline())
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    waiting.send_signal(sent)
    assert waiting.stdout.readline() == "cleaning up\n"
    if sent == signal.SIGTERM:
        waiting.send_signal(sent)  # as `timeout` does
    assert waiting.wait(LIMIT_S) == 128 + sent
    assert waiting.stderr.read() == "interrupted; nothing is finished\n"
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not alive(child)


def test_sigterm_to_the_child_is_an_error_of_the_command(waiting: subprocess.Popen[str]) -> None:
    assert waiting.stdout is not None and waiting.stderr is not None
    child = int(waiting.stdout.readline())
    os.kill(child, signal.SIGTERM)
    assert waiting.wait(LIMIT_S) == 2
    assert waiting.stderr.read().startswith("error: the worker process was killed (signal, resource limit")
    until = time.monotonic() + LIMIT_S
    while alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(child)


def test_handler_of_the_caller_is_restored() -> None:
    for earlier in (signal.SIG_DFL, signal.SIG_IGN):
        before = signal.signal(signal.SIGTERM, earlier)
        try:
            assert CliRunner().invoke(main, ["metrics"]).exit_code == 0
            assert signal.getsignal(signal.SIGTERM) == earlier
        finally:
            signal.signal(signal.SIGTERM, before)
