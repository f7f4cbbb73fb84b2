"""The group of commands: it turns errors into one line each on stderr and an exit code, and signals too."""

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NoReturn

import click

from workbench.cli._shared.broken_pipe import ignore_broken_pipe
from workbench.errors import RecipeError, WorkbenchError, is_out_of_memory

PASS, FAIL, ERROR, INCONCLUSIVE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
VERDICTS = {"pass": PASS, "fail": FAIL, "inconclusive": INCONCLUSIVE}


class _Terminated(KeyboardInterrupt):
    """SIGTERM, from `timeout` or systemd: it unwinds as ctrl-C does, so that no temporary file or process is left."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Raise _Terminated at SIGTERM, once: `timeout` sends it twice, and the second is not to stop the tidying up.

    Processes that are started have it as they always do: an exec takes no handler along. Left alone where whoever
    started this one ignores it or handles it, and outside the main thread, where Python allows none.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


class ErrorHandlingGroup(click.Group):
    """A group whose commands' errors become lines, and whose reader may leave before it has read them."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with redirect_stdout(ignore_broken_pipe(sys.stdout)), redirect_stderr(ignore_broken_pipe(sys.stderr)):
            return super().main(*args, **kwargs)

    def invoke(self, context: click.Context) -> Any:
        try:
            with _terminable():
                return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit):  # click's to handle
            raise
        except Exception as error:
            for line in error_lines(error):
                click.echo(f"error: {line}", err=True)
            sys.exit(ERROR)
        except KeyboardInterrupt as error:
            click.echo("interrupted; run, build and sweep with --out go on from what is there", err=True)
            sys.exit(TERMINATED if isinstance(error, _Terminated) else INTERRUPTED)


def error_lines(error: Exception) -> tuple[str, ...]:
    """An error as lines: one for each mistake."""
    if isinstance(error, RecipeError):
        return error.problems
    return (str(error) if isinstance(error, WorkbenchError) else _unexpected_error_line(error),)


def _unexpected_error_line(error: Exception) -> str:
    """A line for what the machine did not give; what is left is a bug of ours, whose traceback is printed before it."""
    if is_out_of_memory(error):
        return "this machine has no memory left for it; end other programs, or ask for less at once"
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}; nothing more was written"
    click.echo(traceback.format_exc(), err=True, nl=False)
    return "a bug of the workbench, not of what it was given; tell us, with the lines above"


@click.group(cls=ErrorHandlingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pesto-workbench", prog_name="workbench")
def main() -> None:
    """Export PESTO pitch tracking to ExecuTorch, and measure what the export cost.

    Exit codes: 0 answered, and all gates pass; 1 a gate fails, a regression, other bytes, a bundle that does not
    verify; 2 what kept it from answering: a mistake in the command, a recipe, the audio or a program, a full disk, want
    of memory, a process killed from outside, a variant that cannot be measured, a bug; 3 nothing fails, but something
    could not be decided; 130 interrupted, 143 terminated.

    \b
    Example:
      workbench run recipes/float-xnnpack.yaml
    """
