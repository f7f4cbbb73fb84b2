"""The parts of Unix that Windows does not have: the code starts without them."""

import subprocess
import sys

import pytest

IMPORTS = "import workbench.cli, workbench.runtime.isolation, workbench.runtime.process_info, workbench.storage.atomic"
WITHOUT = {
    "fcntl": "sys.modules['fcntl'] = None",
    "resource": "sys.modules['resource'] = None",
    "termios": "sys.modules['termios'] = None",
    "names of os and signal": "del os.O_DIRECTORY, signal.SIGKILL, signal.SIGHUP, signal.SIGXCPU, signal.SIGBUS",
}


@pytest.mark.parametrize("without", WITHOUT.values(), ids=WITHOUT)
def test_command_line_starts_without(without: str) -> None:
    ran = subprocess.run([sys.executable, "-c", f"import os, signal, sys\n{without}\n{IMPORTS}"], capture_output=True)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
