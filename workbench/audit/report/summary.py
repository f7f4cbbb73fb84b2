"""What a set of records says at a glance: who passes, who is ahead in what, and whether they can be compared at all."""

from collections.abc import Callable, Sequence

from workbench.audit.comparable import Facts, audio_facts, library_facts, machine_facts, stream_facts
from workbench.audit.history import Kept
from workbench.audit.results import Record


def sentence(kept: Sequence[Kept], names: Sequence[str]) -> str:
    """How many pass, and who among them is smallest, fastest and most accurate."""
    passing = [(one.record, name) for one, name in zip(kept, names, strict=True) if one.record.verdict == "pass"]
    if not passing:
        return f"None of {len(kept)} variants passes." if len(kept) > 1 else "The one variant does not pass."
    lead = f"{len(passing)} of {len(kept)} variants pass" if len(kept) > 1 else f"{passing[0][1]} passes"
    claims = [
        _claim("Smallest", passing, _bytes, lambda record: f"{_bytes(record):,.0f} bytes"),
        _claim("fastest", passing, _slowness, _speed_in_words),
        _claim("most accurate", passing, _p95, lambda record: f"{_p95(record):.2g} cents off at p95"),
    ]
    return f"{lead}. {'; '.join(filter(None, claims))}."


def cautions(kept: Sequence[Kept]) -> list[str]:
    """Why figures of these records should not be held against each other."""
    asked: dict[str, Callable[[Record], Facts]] = {
        "scored on different audio": audio_facts,
        "timed on different machines or with different threads": machine_facts,
        "measured with different versions of torch or PESTO": library_facts,
        "held against different baselines, each against its own": stream_facts,
    }
    first, *others = [one.record for one in kept]
    return [what for what, facts in asked.items() if any(facts(record) != facts(first) for record in others)]


def _claim(
    what: str,
    passing: Sequence[tuple[Record, str]],
    key: Callable[[Record], float | None],
    words: Callable[[Record], str],
) -> str:
    # of equals the smallest, then the first
    known = [(found, _bytes(one) or 0, at) for at, (one, _) in enumerate(passing) if (found := key(one)) is not None]
    if not known:
        return ""
    record, name = passing[min(known)[2]]
    return f"{what}: {name} ({words(record)})" if len(passing) > 1 else words(record)


def _bytes(record: Record) -> float | None:
    return record.program.bytes if record.program else None


def _slowness(record: Record) -> float | None:
    return -record.speed.speedup_p50 if record.speed else None


def _speed_in_words(record: Record) -> str:
    speed = record.speed
    assert speed is not None
    return f"{speed.speedup_p50:.1f} times as fast as upstream, {speed.speedup_low:.1f}–{speed.speedup_high:.1f}"


def _p95(record: Record) -> float | None:
    return record.deviation.pitch.p95_cents if record.deviation else None
