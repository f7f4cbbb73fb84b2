"""The group of commands for the site: the same commands, with the examples in their help as blocks of code."""

import copy
import inspect
import re

import click

from workbench.cli import main as cli


def _with_blocks(help_text: str) -> str:
    r"""Returns a help text whose `\b` paragraphs, a title and indented lines, are a title and a block of code."""

    def block(found: re.Match[str]) -> str:
        lines = re.sub(r"^  ", "", found["lines"], flags=re.MULTILINE)
        return f"{found['title']}\n\n```sh\n{lines.rstrip()}\n```\n"

    pattern = r"^\x08\n(?P<title>\S.*)\n(?P<lines>(?:  .*(?:\n|$))+)"
    return re.sub(pattern, block, inspect.cleandoc(help_text), flags=re.MULTILINE)


def _for_site(command: click.Command) -> click.Command:
    shown = copy.copy(command)
    shown.help = _with_blocks(command.help or "")
    return shown


main = copy.copy(cli)
main.help = _with_blocks(cli.help or "")
main.commands = {name: _for_site(command) for name, command in cli.commands.items()}
