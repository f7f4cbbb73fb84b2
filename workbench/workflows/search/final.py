"""The final of a search for the fastest program: the best trials are timed again, in turns with each other.

A search times each trial at another moment. If the speed of the machine drifts, the best of many such times is a lucky
one. The programs of the final share each round, and so share the drift.
"""

import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.errors import LoweringError, ProgramError, WorkbenchError
from workbench.measure.speed import Milliseconds, TimingPlan, speedup
from workbench.measure.spread import Spread
from workbench.measure.timing import time_natively
from workbench.progress import Progress
from workbench.records.search.trials import Finalist, TrialRecord
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.search.outcome import best_first, choices_of
from workbench.workflows.search.space import Space
from workbench.workflows.search.trial_variant import variant_of
from workbench.workflows.variant.build import build
from workbench.workflows.variant.native import build_native_host, start_natively
from workbench.workflows.variant.prepare import PreparedVariant

_BEST = 8
_ROUNDS = 200  # single rounds differ more than the best programs do
_TIE = 0.03  # a choice: smaller differences were not the same from one final to the next


def entrants(space: Space, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Returns the trials of a final: the feasible ones with the best ratios or the shortest calls, and the base recipe.

    The base recipe is left out if it is not in the space or was stopped before it had a program.
    """
    best = best_first(space, trials)
    # a slow moment of the baseline makes a ratio too good; a fast moment of the machine makes a time too good
    by_time = sorted(best, key=lambda trial: trial.metrics["speed.native.p50_us"])
    is_base = space.base_choices() is not None
    base = [trial for trial in trials[:1] if is_base and best and "program.bytes" in trial.metrics]
    return list({trial.number: trial for trial in (*best[:_BEST], *by_time[:_BEST], *base)}.values())


def hold_final(
    space: Space, trials: Sequence[TrialRecord], base: PreparedVariant, caches: Caches, progress: Progress
) -> tuple[Finalist, ...]:
    """Times the entrants in turns with each other. The caller has the timing lock.

    An entrant that does not run on this machine is left out: another machine may have timed it in the search.

    Args:
        space: The space.
        trials: All trials in order.
        base: The base recipe with the calibration clips, which the programs are timed on.
        caches: The caches of all runs. A program that is not there is built again.
        progress: Receives the stages.

    Returns:
        The finalists as `ranked` returns them. () if no feasible entrant runs here.

    Raises:
        NativeHostError: There is no native host, or it ended.
    """
    entered = entrants(space, trials)
    host, plan = build_native_host(progress), TimingPlan(**dict(space.base.speed))
    plan = replace(plan, rounds=max(plan.rounds, _ROUNDS))
    samples = np.concatenate([clip.samples for clip in base.calibration_clips])
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        programs = {}
        with progress.stage("build the best again", len(entered)) as advance:
            for trial in entered:
                program = _build(space, trial, base, Path(folder) / str(trial.number), caches)
                if program and not isinstance(start_natively(host, program, plan.threads), WorkbenchError):
                    programs[trial.number] = program
                advance(1)
        feasible_bytes = {
            trial.number: programs[trial.number].stat().st_size
            for trial in entered
            if trial.outcome == "feasible" and trial.number in programs
        }
        if not feasible_bytes:
            return ()
        with progress.stage("time the best together"), IsolatedProcess(copied=True) as child:
            baseline_ms, times_ms = child.call(time_natively, base.baseline, programs, samples, plan, host)
    return ranked(times_ms, baseline_ms, feasible_bytes, None if space.base_choices() is None else trials[0].number)


def _build(space: Space, trial: TrialRecord, base: PreparedVariant, folder: Path, caches: Caches) -> Path | None:
    """Returns the program of a trial; None if it is not lowered or does not run here."""
    variant = variant_of(space, choices_of(space, trial.parameters))
    variant = replace(variant, calibration_clips=base.calibration_clips)
    try:
        built = build(variant, folder, Progress(), store=caches.programs)
    except (LoweringError, ProgramError):
        return None
    return None if built.unsupported_reason else folder / built.program.path


def ranked(
    times_ms: Mapping[int, Milliseconds],
    baseline_ms: Milliseconds,
    feasible_bytes: Mapping[int, int],
    base: int | None,
) -> tuple[Finalist, ...]:
    """Returns the finalists: the winner first, then all others from fast to slow.

    A trial is as fast as its median call, relative to the geometric mean of all finalists in each round. The feasible
    trials that are at most 3% slower than the fastest feasible one are a tie. The base recipe wins a tie that it is in,
    because nothing faster was found. Otherwise the smallest program wins.

    Args:
        times_ms: (rounds, calls) milliseconds of each trial, by its number. A row of all is from the same round.
        baseline_ms: (rounds, calls) milliseconds of the baseline in the same rounds.
        feasible_bytes: The size of the program of each trial that meets all limits; at least one.
        base: The number of the trial that is the base recipe; None if none is.
    """
    medians_ms = {number: np.median(ms, axis=1) for number, ms in times_ms.items()}
    round_ms = np.exp(np.mean(np.log(list(medians_ms.values())), axis=0))
    cost = {number: float(np.median(ms / round_ms)) for number, ms in medians_ms.items()}
    fastest = min(cost[number] for number in feasible_bytes)
    tied = [number for number in feasible_bytes if cost[number] <= (1 + _TIE) * fastest]
    won = min(tied, key=lambda number: (number != base, feasible_bytes[number], cost[number], number))
    order = sorted(cost, key=lambda number: (number != won, cost[number], number))
    return tuple(
        Finalist(
            trial=number,
            native_p50_us=1000 * float(np.median(times_ms[number])),
            speedup=speedup(times_ms[number], baseline_ms),
            over_winner=Spread.over_rounds(medians_ms[number] / medians_ms[won]),
            machine=platform.node(),
        )
        for number in order
    )
