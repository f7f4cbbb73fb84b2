"""`pick`: the best of the variants that pass."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import FAIL, INCONCLUSIVE, PASS, main
from workbench.cli._shared.notes import note, quiet_option
from workbench.cli._shared.numbers import FiniteFloatRange
from workbench.cli._shared.options import gates_option, json_option

if TYPE_CHECKING:
    from workbench.audit.choice.explain import Objective
    from workbench.audit.clock import Clock

OBJECTIVES = ("smallest", "fastest", "most-accurate", "balanced")
CLOCKS = ("native", "session")


@main.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=click.Path(path_type=Path))
@click.option(
    "--objective", type=click.Choice(OBJECTIVES), default="balanced", show_default=True, help="What to optimize."
)
@gates_option
@click.option(
    "--require",
    "required",
    multiple=True,
    metavar="'METRIC <= LIMIT'",
    help="Take only variants within this limit, such as 'speed.native.p99_us <= 500'. Repeatable.",
)
@click.option(
    "--max-delay-ms",
    type=FiniteFloatRange(0, 10_000),
    metavar="MS",
    help="Take only variants whose measured delay is at most MS milliseconds.",
)
@click.option(
    "--clock",
    type=click.Choice(CLOCKS),
    help="Compare speeds in the native host or in the Python session.  [default: native if all that pass have it]",
)
@click.option("--like", metavar="VARIANT", help="Rank only results that are comparable with VARIANT.")
@json_option
@quiet_option
def pick(
    runs: tuple[Path, ...],
    objective: "Objective",
    gates: Path | None,
    required: tuple[str, ...],
    max_delay_ms: float | None,
    clock: "Clock | None",
    like: str | None,
    as_json: bool,
) -> None:
    """Choose the best of the variants that pass, and give the reasons.

    Writes nothing. A RUN is the folder of a run or a variant, or a result.json. The default is the newest run in
    outputs/.

    Three figures count: pitch deviation (p95), bytes and speedup. A variant is left out if another one is better in
    one of them and not worse in the other two. The remaining variants are the Pareto front. A speedup is better only if
    its range over the rounds does not overlap the other range. A deviation below the floor of 16-bit dither counts as
    the floor.

    The speedup is that of the native host, which runs a program as an app does, without Python. If one of the variants
    was not timed there, all are compared by the speed of their Python session, and a line says why. --clock chooses one
    of the two; a variant without a speed by the chosen clock is inconclusive.

    `smallest`, `fastest` and `most-accurate` choose the best of the front in one figure. `balanced` chooses the variant
    that is nearest to the best value in all three. (The logarithm of each figure is scaled from 0, the best of the
    front, to 1, the worst, and the distance to zero counts: compromise programming, Yu 1973, normalized as in Marler
    and Arora 2004. The figures have the same weight.)

    The measured delay and the errors on steady tones are shown and do not rank. --require limits any metric, as a gate
    does: `steadiness.variant.tones.std_cents <= 5` limits how far a tone moves. It overrides a gate on the same metric.
    --max-delay-ms limits `delay.variant.delay_ms`.

    If no variant passes, the three that are nearest are named: those that miss the fewest gates, and of these the ones
    that miss them by the smallest share of the limit. Recipe keys that may help are named where they are known.

    `workbench metrics` lists the metrics that --require and a file of gates can name.

    Results of different audio, streams or baselines are not ranked together. The largest comparable group is ranked, or
    the group of --like, and the other results are listed. Times of different machines are not compared; `smallest` and
    `most-accurate` then ignore speed.

    Exit codes: 0 a winner; 1 no variant passes; 2 error, or the results are not comparable; 3 no variant passes, and
    some are inconclusive.

    \b
    Example:
      workbench pick outputs/20260301-101500-6-variants --objective smallest
      workbench pick outputs/all --require 'speed.native.p99_us <= 500' --require 'program.bytes <= 800 kB'
      workbench pick outputs/sweep --max-delay-ms 60 --objective most-accurate
      workbench pick outputs/* --like int8-mixed --gates limits.yaml --json | jq -r .winner.program
    """
    from workbench.audit.choice.pick import pick as choose
    from workbench.records.run_folders import find_results, newest_run
    from workbench.report.tables.pick import print_choice
    from workbench.workflows.load_recipes import limits_from_options, load_gate_overrides

    limits = (load_gate_overrides(gates) if gates else {}) | limits_from_options(required)
    if max_delay_ms is not None:
        limits["delay.variant.delay_ms"] = f"<= {max_delay_ms}"
    if not runs:
        newest = newest_run(Path("outputs"))
        note(f"using the newest run, {newest.folder}")
        runs = (newest.folder,)
    choice = choose(find_results(runs), objective, limits or None, like, clock)
    if as_json:
        click.echo(json.dumps(choice.model_dump(mode="json"), allow_nan=False))
    else:
        print_choice(choice)
    if choice.winner:
        sys.exit(PASS)
    inconclusive = any(candidate.verdict == "inconclusive" for candidate in choice.rejected)
    sys.exit(INCONCLUSIVE if inconclusive else FAIL)
