"""The final of a search for the fastest program: the best trials are timed again, in turns with each other.

A search times each trial at another moment. If the speed of the machine drifts, the best of many such times is a lucky
one. The programs of the final share each round, and so share the drift.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.audio.decode import Clip
from workbench.measure.speed import TimingPlan, speedup
from workbench.measure.spread import Spread
from workbench.measure.timing import time_natively
from workbench.progress import Progress
from workbench.records.search.trials import Finalist
from workbench.runtime.isolation import IsolatedProcess
from workbench.workflows.jobs.variants import Caches
from workbench.workflows.search.evaluation import Trial
from workbench.workflows.search.outcome import best_first, choices_of
from workbench.workflows.search.space import Space
from workbench.workflows.search.trial_variant import variant_of
from workbench.workflows.variant.build import build
from workbench.workflows.variant.native import build_native_host

_BEST, _ROUNDS = 8, 200


def hold_final(
    space: Space, trials: Sequence[Trial], clips: tuple[Clip, ...], caches: Caches, progress: Progress
) -> tuple[Finalist, ...]:
    """Times the best feasible trials again, with the base recipe beside them. The caller has the timing lock.

    Args:
        space: The space.
        trials: All trials.
        clips: The calibration clips, which the programs are timed on.
        caches: The caches of all runs, which have the programs of the trials.
        progress: Receives the stages.

    Returns:
        The winner first, then the others from fast to slow. () if the goal is not `fastest`, or if no trial is
        feasible.
    """
    best = best_first(space, trials)
    if space.model.objective != "fastest" or not best:
        return ()
    # a ratio was lucky if the baseline was slow just then, and a time if the whole machine was fast
    by_time = sorted(best, key=lambda trial: trial.metrics["speed.native.p50_us"])
    best = list({trial.number: trial for trial in (*best[:_BEST], *by_time[:_BEST])}.values())
    base = [trial for trial in trials if trial.parameters == space.base_choices() and "program.bytes" in trial.metrics]
    entered = {trial.number: trial for trial in (*best, *base[:1])}
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        programs = {}
        with progress.stage("build the best again", len(entered)) as advance:
            for number, trial in entered.items():
                variant = replace(
                    variant_of(space, choices_of(space, trial.parameters)), calibration_clips=tuple(clips)
                )
                built = build(variant, Path(folder) / str(number), Progress(), store=caches.programs)
                programs[number] = Path(folder) / str(number) / built.program.path
                advance(1)
        plan = TimingPlan(**dict(space.base.speed))
        plan = replace(plan, rounds=max(plan.rounds, _ROUNDS))
        host, samples = build_native_host(progress), np.concatenate([clip.samples for clip in clips])
        with progress.stage("time the best together"), IsolatedProcess() as child:
            baseline_ms, times_ms = child.call(time_natively, variant.baseline, programs, samples, plan, host)
    medians_ms = {number: np.median(ms, axis=1) for number, ms in times_ms.items()}
    relative = {number: np.median(ms / medians_ms[best[0].number]) for number, ms in medians_ms.items()}
    won, *_ = sorted(best, key=lambda trial: relative[trial.number])
    return tuple(
        Finalist(
            trial=number,
            native_p50_us=1000 * float(np.median(times_ms[number])),
            speedup=speedup(times_ms[number], baseline_ms),
            over_winner=Spread.over_rounds(medians_ms[number] / medians_ms[won.number]),
        )
        for number in sorted(entered, key=lambda number: (number != won.number, relative[number]))
    )
