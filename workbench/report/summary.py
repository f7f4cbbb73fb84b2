"""What a set of records says at a glance: who passes, who is ahead in what, and whether they can be compared at all."""

from collections.abc import Callable, Sequence

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
from workbench.audit.pick import largest_floor_cents
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult


def sentence(kept: Sequence[StoredResult], names: Sequence[str]) -> str:
    """How many pass, and who among them is smallest, fastest and most accurate, as far as that can be said: of records
    that compare, and not where spreads over rounds overlap or deviations are below the floor."""
    passing = [(one.record, name) for one, name in zip(kept, names, strict=True) if one.record.verdict == "pass"]
    if not passing:
        return f"None of {len(kept)} variants passes." if len(kept) > 1 else "The one variant does not pass."
    lead = f"{len(passing)} of {len(kept)} variants pass" if len(kept) > 1 else f"{passing[0][1]} passes"
    claims = [
        _claim("Smallest", passing, _bytes, lambda record: f"{_bytes(record):,.0f} bytes"),
        _claim(_fastest(passing), passing, _slowness, _speed_in_words) if _same(passing, speed_facts) else "",
        _claim(_most_accurate(passing), passing, _p95, lambda record: f"{_p95(record):.2g} cents off at p95")
        if _same(passing, deviation_facts)
        else "",
    ]
    return f"{lead}. {'; '.join(filter(None, claims))}."


def _same(passing: Sequence[tuple[Result, str]], facts: Callable[[Result], Facts]) -> bool:
    return all(facts(record) == facts(passing[0][0]) for record, _ in passing)


def _fastest(passing: Sequence[tuple[Result, str]]) -> str:
    """What the largest median may be called."""
    timed = sorted([record.speed for record, _ in passing if record.speed], key=lambda speed: -speed.speedup_p50)
    apart = not any(other.speedup.overlaps(timed[0].speedup) for other in timed[1:])
    return "fastest" if apart else "largest median speed"


def _most_accurate(passing: Sequence[tuple[Result, str]]) -> str:
    """What the least deviation may be called."""
    floor_cents = largest_floor_cents([record for record, _ in passing])
    below = [record for record, _ in passing if (p95 := _p95(record)) is not None and p95 <= floor_cents]
    return "most accurate" if len(below) < 2 else "least deviation, below that of 16-bit dither as others are"


def cautions(kept: Sequence[StoredResult]) -> list[str]:
    """Why figures of these records should not be held against each other."""
    asked: dict[str, Callable[[Result], Facts]] = {
        "scored on different audio": audio_facts,
        "timed on different machines or with different threads": machine_facts,
        "measured with different versions of torch or PESTO": library_facts,
        "held against different baselines, each against its own": stream_facts,
    }
    first, *others = [one.record for one in kept]
    return [what for what, facts in asked.items() if any(difference(facts(first), facts(record)) for record in others)]


def _claim(
    what: str,
    passing: Sequence[tuple[Result, str]],
    key: Callable[[Result], float | None],
    words: Callable[[Result], str],
) -> str:
    # of equals the smallest, then the first
    known = [(found, _bytes(one) or 0, at) for at, (one, _) in enumerate(passing) if (found := key(one)) is not None]
    if not known:
        return ""
    record, name = passing[min(known)[2]]
    return f"{what}: {name} ({words(record)})" if len(passing) > 1 else words(record)


def _bytes(record: Result) -> float | None:
    return record.program.bytes if record.program else None


def _slowness(record: Result) -> float | None:
    return -record.speed.speedup_p50 if record.speed else None


def _speed_in_words(record: Result) -> str:
    speed = record.speed
    assert speed is not None
    return f"{speed.speedup.text()} times as fast as upstream"


def _p95(record: Result) -> float | None:
    return record.deviation.pitch.p95_cents if record.deviation else None
