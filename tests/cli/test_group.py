"""The group of commands: help, exit codes, warnings, and output whose reader leaves early."""

import errno
import importlib.metadata
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench
from workbench.cli import main
from workbench.cli._shared.group import ERROR, ErrorHandlingGroup
from workbench.errors import WorkbenchWarning

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("name", main.commands)
def test_help_has_a_sentence_and_an_example(name: str) -> None:
    result = workbench(name, "--help")
    assert result.exit_code == 0
    assert re.search(rf"^  Example:\n    workbench {name}\b", result.stdout, flags=re.MULTILINE)
    assert re.search(r"^  [A-Z][^.]*\.", result.stdout, flags=re.MULTILINE)
    assert all(option.help for option in main.commands[name].params if isinstance(option, click.Option))
    assert workbench(name, "-h").stdout == result.stdout


def test_one_option_has_one_meaning() -> None:
    options = [option for command in main.commands.values() for option in command.params]
    for name in ("audio", "calib_audio", "fresh", "variant"):
        assert len({(option.help, option.metavar) for option in options if option.name == name and option.help}) == 1


def test_group_help_lists_commands_and_exit_codes() -> None:
    result = workbench("--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "Exit codes: 0 success, all gates passed; 1 a gate failed" in text
    assert all(f"; {code} " in text for code in (1, 2, 3, 130, 143))
    assert all(f"  {name} " in result.stdout for name in main.commands)


def test_module_runs_as_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "workbench", "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Usage: workbench [OPTIONS] COMMAND")
    assert result.stderr == ""


def test_check_does_not_import_torch() -> None:
    code = (
        "import sys\n"
        "from workbench.cli import main\n"
        "main(['check', 'recipes/least.yaml'], standalone_mode=False)\n"
        "assert not {'torch', 'executorch', 'pesto'} & set(sys.modules), 'imported'\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "least: ok\n", "")


def test_version() -> None:
    assert workbench("--version").stdout == f"workbench, version {importlib.metadata.version('pesto-workbench')}\n"


@pytest.mark.parametrize("words", [["fly"], ["run"], ["run", "--fast", "r.yaml"], ["track", "take.wav"], ["check"]])
def test_bad_command_line_exits_with_2(words: Sequence[str]) -> None:
    result = workbench(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_own_warning_is_one_line_and_others_are_silent() -> None:
    @click.group(cls=ErrorHandlingGroup)
    def group() -> None: ...

    @group.command()
    def warn() -> None:
        warnings.warn("out: this file system has no locks; run one command at a time", WorkbenchWarning, stacklevel=1)
        warnings.warn("an experimental interface", FutureWarning, stacklevel=1)
        logging.getLogger("library").warning("no CUDA kernels")

    disabled = logging.root.manager.disable
    result = CliRunner().invoke(group, ["warn"])
    assert result.stderr == "warning: out: this file system has no locks; run one command at a time\n"
    assert logging.root.manager.disable == disabled


def fail_with(error: BaseException) -> tuple[int, str]:
    """Returns exit code and stderr of a command that raises an error."""

    @click.group(cls=ErrorHandlingGroup)
    def group() -> None: ...

    @group.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(group, ["fail"])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    "error",
    [RuntimeError("can't allocate memory"), MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")],
    ids=["torch", "python", "system"],
)
def test_out_of_memory_is_one_line(error: BaseException) -> None:
    assert fail_with(error) == (ERROR, "error: out of memory; close other programs or run fewer variants at once\n")


def test_internal_error_has_its_traceback_and_one_line() -> None:
    code, stderr = fail_with(KeyError("a bug"))
    first, *_, cause, last = stderr.splitlines()
    assert (code, first, cause) == (ERROR, "Traceback (most recent call last):", "KeyError: 'a bug'")
    assert last == "error: internal error; please report it with the traceback above"


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (click.exceptions.Exit(5), 5, ""),
        (click.Abort(), 1, "Aborted!\n"),
        (click.ClickException("no"), 1, "Error: no\n"),
    ],
    ids=["exit", "abort", "exception"],
)
def test_errors_of_click_keep_their_form(error: Exception, code: int, stderr: str) -> None:
    assert fail_with(error) == (code, stderr)


def run_unread(*words: str, setup: str = "", read_stderr: bool = True) -> tuple[int, str]:
    """Runs a command whose stdout nobody reads, and returns its exit code and stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", f"from workbench.cli import main\n{setup}\nmain()", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE if read_stderr else writer, text=True)
    os.close(writer)
    return done.returncode, done.stderr or ""


def test_reader_that_leaves_changes_no_exit_code() -> None:
    Path("wrong.yaml").write_text(RECIPE + "mirorr: 1\n")
    assert run_unread("check", "recipes") == (0, "")
    assert run_unread("check", "wrong.yaml", read_stderr=False) == (2, "")


def test_files_are_written_after_the_reader_left() -> None:
    setup = """
@main.command()
def write():
    import click, pathlib
    click.echo("a line " * 20_000)
    pathlib.Path("written").write_text("")
"""
    assert run_unread("write", setup=setup) == (0, "")
    assert Path("written").exists()
