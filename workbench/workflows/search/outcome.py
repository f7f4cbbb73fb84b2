"""The end of a search: which trial won and why, its recipe as a file, and its score on the scoring clips."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.recipe import Recipe
from workbench.records.search.trials import Finalist, TrialRecord
from workbench.storage.yaml_files import as_yaml
from workbench.workflows.search.evaluation import no_value
from workbench.workflows.search.space import Choices, Space, violation
from workbench.workflows.search.space_schema import Range


def feasible(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Returns the trials that meet all constraints."""
    return [trial for trial in trials if trial.outcome == "feasible"]


def best_first(space: Space, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Returns the feasible trials by their first objective. Of several with the same choices or values, one counts."""
    by_choices = {json.dumps(trial.parameters, sort_keys=True): trial for trial in reversed(feasible(trials))}
    costs = {_costs(space, trial): trial for trial in by_choices.values()}
    return [costs[cost] for cost in sorted(costs)]


def front(space: Space, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Returns the feasible trials that no other one beats in every objective, the best in the first one first."""
    candidates = {_costs(space, trial): trial for trial in best_first(space, trials)}
    return [
        trial
        for own, trial in candidates.items()
        if not any(other != own and all(o <= c for o, c in zip(other, own, strict=True)) for other in candidates)
    ]


def winner(space: Space, trials: Sequence[TrialRecord], final: Sequence[Finalist] = ()) -> TrialRecord | None:
    """Returns the winner of the final, or else the best feasible trial; None if there is none.

    With two objectives it is the trial of the front with the least product of bytes and time.
    """
    if final:
        return next(trial for trial in trials if trial.number == final[0].trial)
    unbeaten = front(space, trials)
    return min(unbeaten, key=lambda trial: float(np.prod(_costs(space, trial))), default=None)


def _costs(space: Space, trial: TrialRecord) -> tuple[float, ...]:
    """Returns the objectives as numbers to minimize: bytes, and time as a share of the baseline's."""
    return tuple(
        1 / trial.metrics[metric] if metric.endswith("speedup_p50") else trial.metrics[metric]
        for metric in space.metrics
    )


def why(
    space: Space, trials: Sequence[TrialRecord], won: TrialRecord, final: Sequence[Finalist] = ()
) -> tuple[str, ...]:
    """Returns why a trial won, in words: against which others, how near the limits are, and what was chosen."""
    candidates = feasible(trials)
    if final:
        place = f"won the final; {len(candidates)} of {len(trials)} trials meet all constraints"
    else:
        place = f"best of {len(candidates)} that meet all constraints, of {len(trials)}"
    lines = [f"trial {won.number}: {objective_text(space, won, final)}; {place}"]
    rivals = [trial for trial in candidates if trial.parameters != won.parameters]
    numbers = {trial.number for trial in rivals}
    next_best = winner(space, rivals, [each for each in final[1:] if each.trial in numbers])
    if next_best is not None:
        different = [
            f"{name} {_short(next_best.parameters[name])} instead of {_short(value)}"
            for name, value in won.parameters.items()
            if next_best.parameters.get(name) != value
        ]
        values = objective_text(space, next_best, final)
        lines.append(f"the next best, trial {next_best.number}, has {values}, with {', '.join(different)}")
    for gate in space.model.constraints:
        value = won.metrics[gate.metric]
        lines.append(f"{gate.metric} is {value:.4g}, limit {gate}: {max(0.0, -violation(gate, value)):.0%} to spare")
    return tuple(lines)


def objective_text(space: Space, trial: TrialRecord, final: Sequence[Finalist] = ()) -> str:
    """Returns what a trial is worth: its times in the final if it was there, or else those of the search.

    A ratio has its 10th and 90th percentile over the timing rounds.
    """
    for finalist in final:
        if finalist.trial == trial.number:
            slower = "" if finalist is final[0] else f", {finalist.over_winner.text()} times the winner's"
            return f"{finalist.native_p50_us:.0f} µs a call{slower}, {finalist.speedup.text()} times as fast as eager"
    texts = []
    for metric in space.metrics:
        name, value = metric.removesuffix("_p50"), trial.metrics[metric]
        low, high = (trial.metrics.get(f"{name}_{end}") for end in ("low", "high"))
        spread = "" if low is None or high is None else f" ({low:.2f}–{high:.2f})"
        texts.append(f"{metric} {value:.2f}{spread}" if metric.endswith("_p50") else f"{metric} {value:,.6g}")
    return ", ".join(texts)


def _short(choice: object) -> str:
    return f"{choice:.4g}" if isinstance(choice, float) else str(choice)


def nearest_misses(space: Space, trials: Sequence[TrialRecord]) -> list[str]:
    """Returns for each constraint that no trial meets, or else for all, how near the best trial came."""
    lines = []
    for gate in space.model.constraints:
        values = [trial.metrics[gate.metric] for trial in trials if gate.metric in trial.metrics]
        if not values:
            reasons = [trial.reason for trial in trials if trial.reason.startswith(no_value(gate.metric))]
            lines.append(reasons[0] if reasons else f"{gate.metric}: no trial got far enough, limit {gate}")
            continue
        best = min(values, key=lambda value: violation(gate, value))
        if not gate.allows(best):
            lines.append(f"{gate.metric}: no trial meets {gate}; the best has {best:.4g}")
    if lines:
        return lines
    nearest = min(trials, key=lambda trial: trial.violation)
    exceeded = [
        f"{gate.metric} {nearest.metrics[gate.metric]:.4g} ({gate})"
        for gate in space.model.constraints
        if gate.metric in nearest.metrics and not gate.allows(nearest.metrics[gate.metric])
    ]
    return [f"no trial meets all constraints at once; trial {nearest.number} is nearest: {', '.join(exceeded)}"]


def choices_of(space: Space, parameters: Mapping[str, object]) -> Choices:
    """Returns what the parameters of a finished trial chose."""
    keys: dict[str, Any] = {}
    for key, choices in space.model.keys.items():
        value = parameters[key]
        keys[key] = value if isinstance(choices, Range) else json.loads(str(value))
    return Choices(keys, {pattern: parameters[pattern] for pattern in space.model.layers})  # type: ignore[misc]


def recipe_text(recipe: Recipe, space: Space, won: TrialRecord, trials: int, final: Sequence[Finalist] = ()) -> str:
    """Returns a recipe as a file that needs no other one, with a header that says how it was found."""
    values = objective_text(space, won, final)
    limits = "; ".join(f"{gate.metric} {gate}" for gate in space.model.constraints)
    header = [
        f"# Found by `workbench search {space.path.name}`: trial {won.number} of {trials}, seed {space.model.seed}.",
        f"# The space varies {space.base.name}. Goal: {space.model.objective}, within {limits}.",
        f"# On the calibration clips: {values}. The scoring clips were not used to choose.",
    ]
    resolved = recipe.resolved()
    resolved["description"] = f"Found by a search from {space.base.name}: {space.model.objective}, trial {won.number}."
    return "\n".join([*header, as_yaml(resolved), ""])
