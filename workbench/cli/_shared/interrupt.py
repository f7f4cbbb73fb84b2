"""What an interrupted command says: what is finished, and the exact command that goes on."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

_WORDS, _FOLDER, _FINISHED = "workbench.words", "workbench.folder", "workbench.finished"  # keys in click's context


def keep_words(context: click.Context, words: Sequence[str]) -> None:
    """Keeps the words of the command line."""
    context.meta[_WORDS] = tuple(words)


def keep_folder(folder: Path) -> None:
    """Keeps the folder that the command writes to, so that the same command can go on in it."""
    click.get_current_context().meta[_FOLDER] = folder


def keep_finished(text: str) -> None:
    """Keeps what is finished: "2 of 6 variants are finished"."""
    click.get_current_context().meta[_FINISHED] = text


def interrupted_line(context: click.Context) -> str:
    """Returns the line for a command that was interrupted."""
    folder, words = context.meta.get(_FOLDER), list(context.meta.get(_WORDS, ()))
    if folder is None:
        return "interrupted; nothing is finished"
    if not any(word == "--out" or word.startswith("--out=") for word in words):
        words += ["--out", str(folder)]
    finished = context.meta.get(_FINISHED, "")
    return f"interrupted; {finished and f'{finished}; '}go on with: {shlex.join(['workbench', *words])}"
