"""While a model is exported, everything that is printed goes to the log: by Python, by native code, by a child."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import LoweringError, ToolchainError
from workbench.export.toolchain.log import ToolchainLog
from workbench.progress import Progress


def print_everywhere() -> None:
    print("python out")
    print("python err", file=sys.stderr)
    os.write(1, b"native out\n")
    os.write(2, b"native err\n")
    subprocess.run(["echo", "child out"], check=True)


class Prints(Progress):
    def report(self, stage: str, done: int, total: int) -> None:
        print(f"{stage} {done}/{total}", file=sys.stderr)
        os.write(1, b"shown\n")


def test_output_goes_to_the_log_and_progress_to_the_user(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "variant" / "toolchain.log"
    with ToolchainLog(path) as log:
        print_everywhere()
        log.showing(Prints()).report("lower", 1, 2)
        print("after the report")
    print("then")
    assert capfd.readouterr() == ("shown\nthen\n", "lower 1/2\n")
    printed = path.read_text()
    expected = ("python out", "python err", "native out", "native err", "child out", "after the report")
    assert [text for text in expected if text not in printed] == []


@pytest.mark.parametrize(
    ("error", "message", "logged"),
    [
        (ToolchainError("lowering failed (KeyError: 'x')"), "^lowering failed .*; {log} has what the", "Traceback"),
        (LoweringError("the program does not match the recipe"), "^the program does not match the recipe$", None),
        (KeyboardInterrupt(), "^$", None),
    ],
)
def test_only_an_error_of_the_toolchain_names_the_log(
    error: BaseException, message: str, logged: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "toolchain.log"
    with pytest.raises(type(error), match=message.format(log=path)), ToolchainLog(path):
        raise error
    print("then")
    assert capfd.readouterr() == ("then\n", "")
    assert (logged in path.read_text()) if logged else not path.exists()
