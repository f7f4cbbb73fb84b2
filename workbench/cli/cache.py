"""`cache`: what is kept between commands, and its removal."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import json_option
from workbench.report.formatting import counted
from workbench.workflows.cache import CACHE_KINDS, CachedKind, remove_cached, summarize_cache


@main.command("cache")
@click.option("--prune", is_flag=True, help="Delete the entries that the command lists without it.")
@click.option(
    "--older-than",
    "unused_days",
    type=FiniteFloatRange(0, 100_000),
    default=0.0,
    metavar="DAYS",
    help="Only entries that were not used for so many days.",
)
@click.option("--kind", "kinds", type=click.Choice(CACHE_KINDS), multiple=True, help="Only this kind. Repeatable.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@json_option
def show_cache(prune: bool, unused_days: float, kinds: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Show and prune the cache: programs, frames of the baseline, rendered clips, native hosts, corpora, trainings.

    Everything in it can be made again: a program by building it, frames by running the baseline, a clip by
    rendering it, a host by compiling it, a corpus by fetching it, frames of a training by training.
    WORKBENCH_CACHE names the folder; by default it is the user's cache folder. --prune deletes only entries, and none
    that another process uses.

    \b
    Example:
      workbench cache
      workbench cache --prune --older-than 30
      workbench cache --prune --kind programs --yes
    """
    chosen = [kind for kind in CACHE_KINDS if not kinds or kind in kinds]
    found = summarize_cache(chosen, unused_days)
    if as_json and not prune:
        for kind in found:
            click.echo(json.dumps(asdict(kind)))
        return
    if not as_json:
        click.echo(Path(found[0].folder).parent)
        for kind in found:
            click.echo(_line(kind))
    if not prune:
        return
    entries = sum(kind.entries for kind in found)
    if entries and not yes:
        if not _can_ask():
            raise click.UsageError("--prune asks before it deletes; add --yes where nobody can be asked.")
        if not click.confirm(f"Delete these entries ({entries})?", err=True):
            return
    removed = remove_cached(chosen, unused_days)
    if as_json:
        click.echo(json.dumps(asdict(removed)))
        return
    kept = f"; {removed.kept} are in use or cannot be deleted" if removed.kept else ""
    click.echo(f"deleted {removed.entries} of {entries} entries, {_megabytes(removed.bytes)}{kept}")


def _can_ask() -> bool:
    return sys.stdin.isatty()


def _line(kind: CachedKind) -> str:
    days = kind.longest_unused_days
    unused = "" if days is None else f"  unused for at most {counted(round(days), 'day')}"
    return f"{kind.kind:9} {kind.entries:6} entries {_megabytes(kind.bytes):>12}{unused}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
