"""A set of results at a glance: how many pass, which is ahead in what, and whether they can be compared at all."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from workbench.audit.choice.pick import largest_floor_cents
from workbench.audit.clock import Clock, common_clock, speedup_by
from workbench.audit.comparability import (
    Facts,
    audio_facts,
    deviation_facts,
    difference,
    library_facts,
    machine_facts,
    speed_facts,
    stream_facts,
)
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult


class _Named(NamedTuple):
    name: str
    result: Result


def sentence(results: Sequence[StoredResult], names: Sequence[str]) -> str:
    """Returns how many variants pass, and which of them is smallest, fastest and most accurate.

    Speeds and deviations are claimed only of results that can be compared, and in weaker words if spreads over rounds
    overlap or deviations are below the floor.
    """
    passing = [
        _Named(name, stored.result)
        for stored, name in zip(results, names, strict=True)
        if stored.result.verdict == "pass"
    ]
    if not passing:
        return f"None of {len(results)} variants passes." if len(results) > 1 else "The one variant does not pass."
    claims = [_claim("Smallest", passing, _bytes, lambda result: f"{_bytes(result):,.0f} bytes")]
    if _same(passing, speed_facts):
        claims.append(_speed_claim(passing))
    if _same(passing, deviation_facts):
        claims.append(
            _claim(_most_accurate_label(passing), passing, _p95, lambda result: f"{_p95(result):.2g} cents off at p95")
        )
    if len(passing) > 1:
        lead = f"{len(passing)} of {len(results)} variants pass"
    elif len(results) > 1:
        lead = f"Of {len(results)} variants only {passing[0].name} passes"
    else:
        lead = f"{passing[0].name} passes"
    return f"{lead}. {'; '.join(filter(None, claims))}."


def cautions(results: Sequence[StoredResult]) -> list[str]:
    """Returns why figures of these results should not be compared with each other; empty if they can be."""
    facts_by_caution: dict[str, Callable[[Result], Facts]] = {
        "scored on different audio": audio_facts,
        "timed on different machines or with different threads": machine_facts,
        "measured with different versions of torch or PESTO": library_facts,
        "compared with different baselines": stream_facts,
    }
    return [
        caution
        for caution, facts in facts_by_caution.items()
        if any(difference(facts(one.result), facts(other.result)) for one, other in combinations(results, 2))
    ]


def misfit_lines(results: Iterable[Result]) -> list[str]:
    """Returns a line for each clip whose known f0 fits its audio only after a change, from the first result with it."""
    by_clip: dict[str, str] = {}
    for result in results:
        for misfit in result.truth.misfits if result.truth else ():
            by_clip.setdefault(misfit.clip, str(misfit))
    return list(by_clip.values())


def _same(passing: Sequence[_Named], facts: Callable[[Result], Facts]) -> bool:
    return all(facts(variant.result) == facts(passing[0].result) for variant in passing)


def _speed_claim(passing: Sequence[_Named]) -> str:
    """Which variant is fastest, in the native host if all were timed there."""
    clock = common_clock({variant.name: variant.result for variant in passing}).clock

    def slowness(result: Result) -> float | None:
        speedup = speedup_by(clock, result)
        return -speedup.p50 if speedup else None

    def text(result: Result) -> str:
        speedup, where = speedup_by(clock, result), " in the native host" if clock == "native" else ""
        assert speedup is not None
        return f"{speedup.text()} times as fast as upstream{where}"

    return _claim(_fastest_label(passing, clock), passing, slowness, text)


def _fastest_label(passing: Sequence[_Named], clock: Clock) -> str:
    """Returns the label of the variant with the largest median speedup."""
    speedups = [speedup for variant in passing if (speedup := speedup_by(clock, variant.result))]
    ordered = sorted(speedups, key=lambda speedup: -speedup.p50)
    return "largest median speed" if any(other.overlaps(ordered[0]) for other in ordered[1:]) else "fastest"


def _most_accurate_label(passing: Sequence[_Named]) -> str:
    """Returns the label of the variant with the smallest deviation."""
    results = [variant.result for variant in passing]
    floor_cents = largest_floor_cents(results)
    deviations_cents = [cents for result in results if (cents := _p95(result)) is not None]
    below_floor = [cents for cents in deviations_cents if cents <= floor_cents]
    if len(below_floor) < 2:
        return "most accurate"
    return "smallest deviation, but several are below the floor of 16-bit dither"


def _claim(
    label: str, passing: Sequence[_Named], key: Callable[[Result], float | None], text: Callable[[Result], str]
) -> str:
    """The variant with the least key; of several the smallest, then the first. "" if no variant has the key."""
    known = [variant for variant in passing if key(variant.result) is not None]
    if not known:
        return ""
    best = min(known, key=lambda variant: (key(variant.result), _bytes(variant.result) or 0))
    return f"{label}: {best.name} ({text(best.result)})" if len(passing) > 1 else text(best.result)


def _bytes(result: Result) -> float | None:
    return result.program.bytes if result.program else None


def _p95(result: Result) -> float | None:
    return result.deviation.pitch.p95_cents if result.deviation else None
