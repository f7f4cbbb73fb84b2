"""What is known of a trial, and what finds it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.workflows.search.space import Choices, Space, violation

UNKNOWN_VIOLATION = 1e3
"""Violation of a trial without a program: worse than any that has one."""

Stage = Literal["choose", "simulate", "build", "score", "time"]


@dataclass(frozen=True)
class Evaluation:
    """What is known of a trial.

    Attributes:
        stage: The last stage that it reached.
        metrics: Metric -> value; of a trial that was stopped, those that are known.
        stopped: Why it went no further; "" if it did all stages.
        failed: Whether it has no program at all.
    """

    stage: Stage
    metrics: Mapping[str, float]
    stopped: str = ""
    failed: bool = False


class WorkerLostError(WorkbenchError):
    """The worker that evaluated a trial died."""


class Evaluator(Protocol):
    """Evaluates trials. It raises WorkerLostError if a trial is to be tried again."""

    def __call__(self, choices: Choices, number: int, progress: Progress) -> Evaluation: ...


def violations_of(space: Space, found: Evaluation) -> list[float]:
    """Returns by how much each constraint is exceeded, in order; what is not known counts as exceeded if it stopped."""
    unknown = UNKNOWN_VIOLATION if found.failed else 1.0 if found.stopped else 0.0
    return [
        violation(gate, found.metrics[gate.metric]) if gate.metric in found.metrics else unknown
        for gate in space.model.constraints
    ]


def no_value(metric: str) -> str:
    """Returns how the reason of a trial begins whose limit on this metric cannot be judged."""
    return f"{metric} has no value"


def exceeded(space: Space, metrics: Mapping[str, float], slack: float = 1.0) -> str:
    """Returns which constraint the metrics exceed most and by how much, or "" if they exceed none that is known."""
    worst, text = 0.0, ""
    for gate in space.model.constraints:
        if gate.metric not in metrics:
            continue
        excess = violation(gate, metrics[gate.metric])
        if excess > slack - 1 and excess > worst:
            worst, text = excess, f"{gate.metric} is {metrics[gate.metric]:.4g}, limit {gate}"
    return text
