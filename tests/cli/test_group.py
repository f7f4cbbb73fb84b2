"""The group of commands: help, exit codes, warnings, and output whose reader leaves early."""

import importlib.metadata
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from click.testing import Result as CliResult

from tests.helpers.project import workbench
from workbench.cli import main
from workbench.cli._shared.group import ErrorHandlingGroup
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


def test_bench_help_names_the_contenders_of_every_bench() -> None:
    from workbench.workflows.bench.contenders import EAGER, ONNX, REFERENCE_EXPORT, TORCHSCRIPT

    text = workbench("bench", "--help").stdout
    assert all(f"`{name}`" in text for name in (EAGER, ONNX, REFERENCE_EXPORT, TORCHSCRIPT))


def test_one_option_has_one_meaning() -> None:
    options = [option for name, command in main.commands.items() if name != "env" for option in command.params]
    for name in ("audio", "calib_audio", "fresh", "gates", "names", "settings", "as_json", "overwrite"):
        assert len({(option.help, option.metavar) for option in options if option.name == name and option.help}) == 1


def test_command_with_a_result_has_json() -> None:
    for name in main.commands.keys() - {"new", "schema", "corpus"}:
        assert "as_json" in [option.name for option in main.commands[name].params], name


def test_group_help_lists_commands_and_exit_codes() -> None:
    result = workbench("--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "Exit codes: 0 success, all gates passed; 1 a gate failed" in text
    assert all(f"; {code} " in text for code in (1, 2, 3, 130, 143))
    shown = [name for name, command in main.commands.items() if not command.hidden]
    assert all(f"  {name} " in result.stdout for name in shown), "each command is in a section"
    assert "..." not in result.stdout.partition("Start:")[2], "no description is cut"


def test_module_runs_as_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "workbench", "--version"], capture_output=True, text=True)
    version = importlib.metadata.version("pesto-workbench")
    assert (result.stdout.splitlines()[0], result.stderr) == (f"pesto-workbench {version}", "")


@pytest.mark.parametrize("words", [["fly"], ["run"], ["run", "--fast", "r.yaml"], ["track", "take.wav"], ["check"]])
def test_bad_command_line_exits_with_2(words: Sequence[str]) -> None:
    result = workbench(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def run_command(function: Callable[[], None]) -> CliResult:
    """Runs a function as a command of a new group."""
    group = ErrorHandlingGroup(commands=[click.Command("run", callback=function)])
    return CliRunner().invoke(group, ["run"])


def test_own_warning_is_one_line_and_others_are_silent() -> None:
    def warn() -> None:
        warnings.warn("out: no locks", WorkbenchWarning, stacklevel=1)
        warnings.warn("an experimental interface", FutureWarning, stacklevel=1)
        logging.getLogger("library").warning("no CUDA kernels")

    disabled = logging.root.manager.disable
    assert run_command(warn).stderr == "warning: out: no locks\n"
    assert logging.root.manager.disable == disabled


@pytest.mark.parametrize(
    ("error", "code", "first", "last"),
    [
        (MemoryError(), 2, "error: out of memory; close other programs or run fewer variants at once", None),
        (
            KeyError("a bug"),
            2,
            "Traceback (most recent call last):",
            "error: internal error; please report it with the traceback above",
        ),
        (click.Abort(), 1, "Aborted!", None),
        (click.ClickException("no"), 1, "Error: no", None),
    ],
    ids=["memory", "bug", "abort", "click"],
)
def test_error_has_a_code_and_a_line(error: Exception, code: int, first: str, last: str | None) -> None:
    def fail() -> None:
        raise error

    result = run_command(fail)
    lines = result.stderr.splitlines()
    assert (result.exit_code, lines[0], lines[-1]) == (code, first, last or first)


def run_unread(*words: str, setup: str = "", read_stderr: bool = True) -> tuple[int, str]:
    """Runs a command whose stdout nobody reads, and returns its exit code and stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", f"from workbench.cli import main\n{setup}\nmain()", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE if read_stderr else writer, text=True)
    os.close(writer)
    return done.returncode, done.stderr or ""


def test_reader_that_leaves_changes_no_exit_code_and_no_file() -> None:
    assert run_unread("check", "recipes") == (0, "")
    assert run_unread("check", "no.yaml", read_stderr=False) == (2, "")
    setup = """
@main.command()
def write():
    import click, pathlib
    click.echo("a line " * 20_000)
    pathlib.Path("written").write_text("")
"""
    assert run_unread("write", setup=setup) == (0, "")
    assert Path("written").exists()


def test_output_in_ascii_replaces_signs_that_ascii_lacks() -> None:
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run([sys.executable, "-m", "workbench", "recipes"], capture_output=True, env=ascii_only)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"?" in result.stdout
