"""`doctor`: what is installed, what this machine has, and what is missing. `env` is its earlier name."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import ERROR, main
from workbench.cli._shared.options import json_option

if TYPE_CHECKING:
    from workbench.workflows.doctor.item import Diagnosis, Item

_NAME_WIDTH, _WIDTH, _LEAST_WIDTH = 21, 80, 40


@main.command("doctor")
@json_option
def doctor(as_json: bool) -> None:
    """Look for what the workbench needs and can use on this machine.

    Writes nothing. Prints the versions, the processor with its vector instructions, free disk, the optional packages
    and the tools for native code. For each optional thing that is missing, it prints what it would add and the command
    that adds it. Exits with 2 if something that is required is missing or wrong.

    \b
    Example:
      workbench doctor
      workbench doctor --json
    """
    from workbench.workflows.doctor.diagnose import diagnose

    diagnosis = diagnose()
    if as_json:
        groups = {group: list(map(_as_json, items)) for group, items in diagnosis.groups.items()}
        click.echo(json.dumps({"is_ok": diagnosis.is_ok, "groups": groups}))
    else:
        for line in _lines(diagnosis):
            click.echo(line)
    if not diagnosis.is_ok:
        sys.exit(ERROR)


@main.command("env", hidden=True)
@json_option
@click.pass_context
def env(context: click.Context, as_json: bool) -> None:
    """Print what `doctor` prints. Deprecated.

    Writes nothing.

    \b
    Example:
      workbench env --json
    """
    click.echo("warning: env: is deprecated; use `workbench doctor`", err=True)
    context.invoke(doctor, as_json=as_json)


def _lines(diagnosis: "Diagnosis") -> Iterator[str]:
    for group, items in diagnosis.groups.items():
        yield group.capitalize()
        for item in items:
            yield from _item_lines(item)
        yield ""
    wrong = [item.name for items in diagnosis.groups.values() for item in items if item.is_required and not item.is_ok]
    yield f"Not ready: {', '.join(wrong)}." if wrong else "Everything that is required is there."


def _item_lines(item: "Item") -> Iterator[str]:
    """Returns the name with what was found, and below it what is wrong or missing and how to change that.

    A command is never broken into lines, so that it can be copied.
    """
    width = max(_LEAST_WIDTH, min(_WIDTH, shutil.get_terminal_size().columns)) - _NAME_WIDTH - 2
    found = item.found or (f"missing; adds {item.adds}" if item.adds else "missing")
    lines = [line for text in (found, item.problem) for line in textwrap.wrap(text, width, break_long_words=False)]
    if item.fix and not item.is_ok:
        lines.append(item.fix)
    for name, line in zip([item.name] + [""] * len(lines), lines, strict=False):
        yield f"  {name:{_NAME_WIDTH}}{line}"


def _as_json(item: "Item") -> dict[str, object]:
    return {**asdict(item), "is_ok": item.is_ok}
