"""What the variants that do not pass miss, and by how much."""

from collections.abc import Iterable

from workbench.audit.choice.explain import Miss, Nearest
from workbench.audit.choice.grouping import Entry
from workbench.audit.verdict import failures_without_gates
from workbench.recipe import Gate, gates_of
from workbench.recipe.options import APPROXIMATE_FRONTENDS
from workbench.records.result import Result

_MOST_SHOWN = 3
_WAIT = "a larger mirror or a smaller chunk_samples"
_HINTS = {"delay": _WAIT, "latency": _WAIT, "steadiness": "a smaller mirror or a larger chunk_samples"}


def nearest_to_pass(entries: Iterable[Entry]) -> tuple[Nearest, ...]:
    """Returns the variants that fail only because they miss gates, at most three: those that miss the fewest first.

    Of variants that miss equally many, the one whose largest miss is the smallest share of its limit comes first.
    """
    found = []
    for entry in entries:
        missed = _missed(entry.result)
        if missed and not failures_without_gates(entry.result):
            misses = tuple(_miss(entry.result, gate, value) for gate, value in missed)
            found.append((len(missed), _share(*missed[0]), Nearest(name=entry.name, misses=misses)))
    return tuple(nearest for _, _, nearest in sorted(found, key=lambda each: each[:2])[:_MOST_SHOWN])


def _missed(result: Result) -> list[tuple[Gate, float]]:
    """The missed gates with their values, the largest share of its limit first."""
    missed = [
        (gate, outcome.value)
        for outcome in result.gates
        for gate in gates_of({outcome.metric: outcome.limit})
        if outcome.passed is False and outcome.value is not None
    ]
    return sorted(missed, key=lambda each: -_share(*each))


def _share(gate: Gate, value: float) -> float:
    beyond = abs(value - gate.limit)
    return beyond / max(abs(gate.limit), 1e-9)


def _miss(result: Result, gate: Gate, value: float) -> Miss:
    section = gate.metric.split(".")[0]
    if section == "deviation":
        hints = _more_accurate(result)
    elif gate.metric == "program.bytes" or section == "speed":
        hints = _smaller_and_faster(result)
    else:
        hints = [_HINTS[section]] if section in _HINTS else []
    beyond, share = abs(value - gate.limit), _share(gate, value)
    return Miss(metric=gate.metric, limit=str(gate), value=value, beyond=beyond, share=share, hint=", or ".join(hints))


def _more_accurate(result: Result) -> list[str]:
    """The recipe keys that make its program more accurate."""
    resolved = result.recipe.resolved
    schemes = set(resolved["quantization"]["parts"].values())
    hints = []
    if any(scheme.startswith("int8-static") for scheme in schemes):
        hints.append("int8-dynamic in place of int8-static, or none for the last layer (encoder.toeplitz)")
    elif "int8-dynamic" in schemes:
        hints.append("scheme none for some parts in quantization.parts")
    if not schemes.isdisjoint(("int4-weights", "int12-weights")):
        hints.append("int8-weights in place of int4-weights, int16-weights in place of int12-weights")
    if resolved["frontend"] in APPROXIMATE_FRONTENDS:
        hints.append("a smaller frontend_tolerance")
    if resolved["lowering"]["prefilter_band"] < 1:
        hints.append("a larger lowering.prefilter_band")
    return hints


def _smaller_and_faster(result: Result) -> list[str]:
    """The recipe keys that make its program smaller and faster."""
    resolved = result.recipe.resolved
    hints = [] if resolved["frontend"] in APPROXIMATE_FRONTENDS else ["frontend: low-rank"]
    hints += [] if resolved["quantization"]["parts"] else ["int8-dynamic for encoder.prefilter"]
    return hints or ["a larger frontend_tolerance, or a smaller lowering.prefilter_band"]
