"""The metrics that gates and `compare` can name, with unit, better direction and meaning."""

from dataclasses import dataclass

from workbench.audit.tolerances import DEFAULT_TOLERANCES, Better, better_directions
from workbench.records.key_meanings import key_meanings, key_types, key_unit, model_at
from workbench.records.result import Result, gate_metrics


@dataclass(frozen=True)
class Metric:
    """One number of a result; these are the keys of `metrics --json`.

    Attributes:
        metric: Its dotted path.
        unit: Its unit; "" for a count or a number without a unit.
        better: The better direction; None if it has none, and `compare` cannot use it.
        compared: Whether `compare` uses it by default.
        part: What the part of the result is that it belongs to.
        meaning: What it is.
    """

    metric: str
    unit: str
    better: Better | None
    compared: bool
    part: str
    meaning: str


def list_metrics(words: tuple[str, ...] = ()) -> tuple[Metric, ...]:
    """Returns the metrics by the parts of the result; with words only those that have one of them in the name.

    Upper and lower case do not matter.
    """
    directions, metrics = better_directions(), gate_metrics()
    parts = list(dict.fromkeys(_part(metric) for metric in metrics))
    return tuple(
        _describe(metric, directions.get(metric))
        for metric in sorted(metrics, key=lambda metric: parts.index(_part(metric)))
        if not words or any(word.lower() in metric for word in words)
    )


def _part(metric: str) -> str:
    return metric.rpartition(".")[0]


def _describe(metric: str, better: Better | None) -> Metric:
    path, _, name = metric.rpartition(".")
    above, _, part = path.rpartition(".")
    model = model_at(Result, path)
    about_part = key_meanings(model_at(Result, above) if above else Result).get(part, "")
    unit = key_unit(name, key_types(model)[name])
    return Metric(metric, unit, better, metric in DEFAULT_TOLERANCES, about_part, key_meanings(model).get(name, ""))
