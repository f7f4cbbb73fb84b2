"""`compare`: two runs, or a run and a stored reference."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import VERDICTS, main

if TYPE_CHECKING:
    from workbench.audit.compare import Comparison, Pair


@main.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="METRIC=VALUE",
    help="How much worse it may get: an amount, or 10%. Repeatable.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="github: a workflow command for each finding.",
)
def compare(before: Path, after: Path, tolerances: tuple[str, ...], form: str) -> None:
    """Hold B against the reference A: recipe, environment, program and numbers.

    Each is a run's folder, a variant's, or a record (a result.json under any name). Variants are paired by their
    recipes' names; one and one are paired whatever they are called.

    A number regresses when it is worse by more than its tolerance: the larger of an amount and a share of A's, by
    default 0.01 cents or 10% for median and p95 of pitch deviation, 0.1 cents or 10% for the largest without ties;
    0.001 for rates; 1e-4 or 10% for confidence (p95, max) and volume; 0.002 for accuracies against known f0; 1% for
    bytes; 0 for algorithmic delay and frames that are not finite; and 10% for speedup_p50, whose spreads over rounds
    may not overlap either, and only where program or libraries changed: else the machine did. --tolerance replaces a
    default, holds any other metric with a better and a worse, and asks of the same program too. A program
    that is gone is a regression. Gates are not asked.

    Deviations and accuracies compare between records of the same stream and scored audio, times of the same stream,
    machine and threads. Where times do not compare, they are left out.

    Exit codes: 0 no regression; 1 a regression; 2 a mistake; 3 none, but deviations do not compare, a number has no
    value any more, or a variant of A is not in B.

    \b
    Example:
      workbench compare docs/measured/int8-mixed.json outputs/today/int8-mixed
      workbench compare outputs/yesterday outputs/today --tolerance program.bytes=0 --format github
    """
    from workbench.audit.compare import compare as held_against
    from workbench.audit.tolerances import parse_tolerances
    from workbench.records.run_folders import find_results

    chosen = parse_tolerances(tolerances)
    comparison = held_against(find_results([before]), find_results([after]), chosen)
    if form == "json":
        click.echo(json.dumps({"verdict": comparison.verdict, **asdict(comparison)}, allow_nan=False))
    else:
        for line in _github_lines(comparison) if form == "github" else _text_lines(comparison):
            click.echo(line)
    sys.exit(VERDICTS[comparison.verdict])


def _text_lines(comparison: "Comparison") -> list[str]:
    lines = [line for pair in comparison.pairs for line in _pair_lines(pair)]
    lines += [f"{name}: only in A; not compared" for name in comparison.only_before]
    lines += [f"{name}: only in B" for name in comparison.only_after]
    return lines


def _pair_lines(pair: "Pair") -> list[str]:
    from workbench.audit.compare import share, shown

    counts = [
        f"{len(found)} {word if len(found) == 1 else words}"
        for found, word, words in (
            (pair.regressions, "regression", "regressions"),
            (pair.improvements, "improvement", "improvements"),
        )
        if found
    ]
    same = not (pair.changes or pair.figures)
    lines = [f"{pair.name}: {'nothing changed' if same else ', '.join(counts) or 'no regression'}"]
    lines += [f"  regression   {line}" for line in pair.regressions]
    lines += [f"  undecided    {line}" for line in pair.undecided]
    lines += [f"  improvement  {line}" for line in pair.improvements]
    lines += [f"  note         {line}" for line in pair.notes]
    lines += [
        f"  {one.part:12} {one.key}: {shown(one.before)} -> {shown(one.after)}"
        for one in pair.changes
        if pair.has_programs or one.part != "program"
    ]
    told = [one for one in pair.figures if one.judgement in _TOLD] if pair.has_programs else []
    times = [one for one in told if _time(one.metric) and not one.tolerance]
    lines += [
        f"  number       {one.metric}: {shown(one.before)} -> {shown(one.after)}{share(one)}, {one.judgement}"
        + (f": {one.why}" if one.why else "")
        for one in told
        if one not in times
    ]
    if times:
        lines.append(f"  number       {len(times)} times moved that are not held; --format json has them")
    return lines


_TOLD = ("within tolerance", "not held", "new", "gone")  # what is worse or better has a line of its own


def _time(metric: str) -> bool:
    return metric.startswith("speed.") or metric.endswith(".took_s")


def _github_lines(comparison: "Comparison") -> list[str]:
    """Annotations. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""
    lines = []
    for pair in comparison.pairs:
        for level, title, found in (
            ("error", "regression", pair.regressions),
            ("warning", "undecided", pair.undecided),
            ("notice", "improvement", pair.improvements),
            ("notice", "note", pair.notes),
        ):
            lines += [f"::{level} title={_property(f'{pair.name}: {title}')}::{_data(line)}" for line in found]
    lines += [f"::warning title={_property(name)}::only in A; not compared" for name in comparison.only_before]
    return lines or ["no regression"]


def _data(text: str) -> str:
    """Escaped as GitHub's own toolkit does (actions/toolkit, packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
