"""The group of commands. It turns an error into one line on stderr and an exit code, and handles SIGINT and SIGTERM."""

import io
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NoReturn

import click

from workbench.cli._shared.broken_pipe import ignore_broken_pipe
from workbench.cli._shared.interrupt import interrupted_line, keep_words
from workbench.cli._shared.warnings import one_line_warnings
from workbench.errors import RecipeError, WorkbenchError, is_out_of_memory
from workbench.supported_versions import check_versions, installed_versions

PASS, FAIL, ERROR, INCONCLUSIVE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
VERDICTS = {"pass": PASS, "fail": FAIL, "inconclusive": INCONCLUSIVE}


class _Terminated(KeyboardInterrupt):
    """SIGTERM, from `timeout` or systemd. It unwinds as ctrl-C does, so no temporary file or process is left."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Raises _Terminated at the first SIGTERM. `timeout` sends the signal twice; the second must not stop the clean-up.

    Child processes keep the default handler, because an exec does not inherit one. The handler is not replaced if the
    caller ignores SIGTERM or handles it, nor outside the main thread, where Python allows no handler.
    """
    default = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    replaced = default and threading.current_thread() is threading.main_thread()
    if replaced:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        if replaced:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


_SECTIONS = {
    "Start": ("recipes", "new", "check", "run"),
    "Choose": ("pick", "compare", "report", "sweep", "bench", "rivals", "sensitivity", "search", "train"),
    "Ship": ("build", "bundle", "verify", "track", "live"),
    "Measure more": ("profile", "robustness", "soak", "score"),
    "Look up": ("runs", "audio", "annotate", "corpus", "metrics", "schema", "doctor", "cache"),
}


class _Command(click.Command):
    """A command that runs with supported versions only. Its --help works with any, and so does `doctor`."""

    def invoke(self, context: click.Context) -> Any:
        if self.name not in ("doctor", "env"):
            check_versions()
        return super().invoke(context)


class ErrorHandlingGroup(click.Group):
    """Prints errors and warnings as lines, and ends normally if the reader of its output leaves early."""

    command_class = _Command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands by what they are for, each with its whole first sentence."""
        for title, names in _SECTIONS.items():
            commands = [self.commands[name] for name in names if name in self.commands]
            rows = [(str(command.name), command.get_short_help_str(limit=1000)) for command in commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # the output has signs such as × that ASCII and Latin-1 lack
        with redirect_stdout(ignore_broken_pipe(sys.stdout)), redirect_stderr(ignore_broken_pipe(sys.stderr)):
            return super().main(*args, **kwargs)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        keep_words(context, args)
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            with _terminable(), one_line_warnings():
                return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # click prints these
        except Exception as error:
            for line in error_lines(error):
                click.echo(f"error: {line}", err=True)
            sys.exit(ERROR)
        except KeyboardInterrupt as error:
            click.echo(interrupted_line(context), err=True)
            sys.exit(TERMINATED if isinstance(error, _Terminated) else INTERRUPTED)


def error_lines(error: Exception) -> tuple[str, ...]:
    """Returns an error as lines, one for each mistake."""
    if isinstance(error, RecipeError):
        return error.problems
    return (str(error) if isinstance(error, WorkbenchError) else _unexpected_error_line(error),)


def _unexpected_error_line(error: Exception) -> str:
    """Returns the line for an error of the machine. Any other error is a bug: its traceback is printed first."""
    if is_out_of_memory(error):
        return "out of memory; close other programs or run fewer variants at once"
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}; nothing more was written"
    click.echo(traceback.format_exc(), err=True, nl=False)
    return "internal error; please report it with the traceback above"


def _print_versions(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    """Prints the versions of the workbench and of the packages that make a program. Imports none of them."""
    if is_asked:
        for name, version in installed_versions().items():
            click.echo(f"{name} {version or 'is not installed'}")
        context.exit()


@click.group(cls=ErrorHandlingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions and exit.",
)
def main() -> None:
    """Export PESTO pitch tracking to ExecuTorch, ONNX and TorchScript, and measure what the export costs.

    Exit codes: 0 success, all gates passed; 1 a gate failed, a regression, a rebuilt program that differs, or a bundle
    that failed verification; 2 error: bad command line, recipe, audio or program; disk full; out of memory; process
    killed; a variant that could not be measured; internal error; 3 inconclusive: nothing failed, but a check could not
    be evaluated; 130 interrupted; 143 terminated.

    \b
    Example:
      workbench run float-xnnpack
    """
