"""A search in one picture: its history, the two prices of its trials, and the importance of each choice."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.records.search.trials import Search, TrialRecord
from workbench.report.plots.figure import encode_png

_COLORS = {"feasible": "#00798c", "infeasible": "#d1495b", "stopped": "#edae49", "failed": "#7a7a7a"}
_PITCH = "deviation.pitch.p95_cents"


def search_png(search: Search) -> bytes:
    """Draws all trials that have a value."""
    figure = Figure(figsize=(17, 5), layout="constrained")
    history, prices, importance = figure.subplots(1, 3)
    metric = search.metrics[0]
    for outcome, color in _COLORS.items():
        found = [trial for trial in search.trials if trial.outcome == outcome]
        _draw(history, [(trial.number, trial.metrics.get(metric)) for trial in found], color, outcome)
        second = search.metrics[1] if len(search.metrics) > 1 else _PITCH
        _draw(prices, [(trial.metrics.get(metric), trial.metrics.get(second)) for trial in found], color, "")
    best = _best_so_far(search, metric)
    history.plot(*zip(*best, strict=True) if best else ([], []), color="black", lw=1, drawstyle="steps-post")
    for number in search.front:
        trial = next(trial for trial in search.trials if trial.number == number)
        second = search.metrics[1] if len(search.metrics) > 1 else _PITCH
        place = trial.metrics[metric], trial.metrics.get(second, np.nan)
        prices.plot(*place, "o", ms=11, mfc="none", mec="black")
        if number == search.winner:
            prices.annotate(f"winner ({number})", place, (6, 6), textcoords="offset points", fontsize=8)
    history.set_xlabel("trial")
    history.set_ylabel(metric)
    prices.set_xlabel(metric)
    prices.set_ylabel(search.metrics[1] if len(search.metrics) > 1 else _PITCH)
    names = list(search.importance)[::-1]
    importance.barh(names, [search.importance[name] for name in names], color=_COLORS["feasible"])
    importance.set_xlabel(f"share in {metric}")
    for axes, title in ((history, "History"), (prices, "Front"), (importance, "Importance of each choice")):
        axes.set_title(title, fontsize=11, loc="left")
        axes.grid(alpha=0.25)
    history.legend(fontsize=8, frameon=False)
    return encode_png(figure)


def _draw(axes: Axes, points: list[tuple[float | None, float | None]], color: str, label: str) -> None:
    known = [(x, y) for x, y in points if x is not None and y is not None]
    axes.plot([x for x, _ in known], [y for _, y in known], "o", color=color, ms=4, label=label or None)


def _best_so_far(search: Search, metric: str) -> list[tuple[int, float]]:
    best: list[tuple[int, float]] = []
    better = max if metric.endswith("speedup_p50") else min
    for trial in search.trials:
        if trial.outcome == "feasible":
            value = trial.metrics[metric]
            best.append((trial.number, better(value, best[-1][1]) if best else value))
    return best


def values_of(trial: TrialRecord, metrics: tuple[str, ...]) -> list[str]:
    """Returns the metrics of a trial as text; a dash stands for a missing one."""
    return [f"{trial.metrics[metric]:,.6g}" if metric in trial.metrics else "–" for metric in metrics]
