"""The columns of a table of results, on the terminal, in Markdown and in the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.measure.deviation import FrameDeviation, PitchDeviation
from workbench.measure.tones.steadiness import PitchErrors
from workbench.measure.truth import KindAccuracy
from workbench.records.result import Result
from workbench.report.formatting import DASH, format_number


@dataclass(frozen=True)
class Column:
    """A metric of a result: its text, a dash if it is missing, and its sort key, None if it is missing."""

    key: str
    title: str
    text: Callable[[Result], str]
    sort_key: Callable[[Result], float | None]


def by_processor(results: Sequence[Result]) -> list[list[Result]]:
    """Returns the results of each processor: times of two processors in one table would be compared."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.environment.cpu, []).append(result)
    return list(groups.values())


def result_cells(result: Result) -> dict[str, str]:
    """Returns the figures of one variant as text by column title; a dash stands for a missing number."""
    verdict = result.verdict if result.protocol.fair else f"{result.verdict} (UNFAIR)"
    metrics = {column.title: column.text(result) for column in METRIC_COLUMNS}
    return {"variant": result.recipe.name, "verdict": verdict, **metrics}


def without_empty_columns(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Returns the rows without the columns in which every row has a dash."""
    empty = {title for title in rows[0] if all(row[title] == DASH for row in rows)} if rows else set()
    return [{title: text for title, text in row.items() if title not in empty} for row in rows]


def columns_with_values(results: Sequence[Result]) -> list[Column]:
    """Returns the columns in which at least one result has a number."""
    return [column for column in METRIC_COLUMNS if any(column.sort_key(result) is not None for result in results)]


def metric_column(key: str) -> Column:
    """Returns the column with this key."""
    return next(column for column in METRIC_COLUMNS if column.key == key)


def _pitch(result: Result) -> PitchDeviation | None:
    return result.deviation.pitch if result.deviation else None


def _p95_cents(result: Result) -> float | None:
    pitch = _pitch(result)
    return pitch.p95_cents if pitch else None


def _max_without_jumps_cents(result: Result) -> float | None:
    pitch = _pitch(result)
    return max_without_jumps_cents(pitch) if pitch else None


def max_without_jumps_cents(pitch: PitchDeviation) -> float | None:
    """Returns the largest deviation of at most 50 cents. Older records have it only if there is no larger one."""
    found = pitch.max_without_jumps_cents
    return pitch.max_cents if found is None and pitch.over_50_cents_rate == 0 else found


def _jump_rate(result: Result) -> float | None:
    pitch = _pitch(result)
    return pitch.over_50_cents_rate if pitch else None


def _jumps_text(result: Result) -> str:
    return jumps_text(result.deviation) if result.deviation else DASH


def jumps_text(deviation: FrameDeviation) -> str:
    """Returns how many of the voiced frames deviate by more than 50 cents."""
    rate = deviation.pitch.over_50_cents_rate
    return f"{DASH if rate is None else round(rate * deviation.voiced_frames)} / {deviation.voiced_frames}"


def _delay_ms(result: Result) -> float | None:
    return result.delay.variant.delay_ms if result.delay.variant else None


def _tones(result: Result) -> PitchErrors | None:
    return result.steadiness.variant.tones if result.steadiness.variant else None


def _tones_p95_cents(result: Result) -> float | None:
    tones = _tones(result)
    return tones.p95_cents if tones else None


def tones_text(tones: PitchErrors | None) -> str:
    """Returns how far steady tones move (standard deviation) and how far they are off (95th percentile), in cents."""
    if tones is None:
        return DASH
    return f"{format_number(tones.std_cents, '.1f')} / {format_number(tones.p95_cents, '.1f')}"


def _confidence_max(result: Result) -> float | None:
    return result.deviation.confidence.max if result.deviation else None


def _rpa50(result: Result) -> float | None:
    return result.truth.variant.rpa50 if result.truth and result.truth.variant else None


def _rpa50_text(result: Result) -> str:
    """Returns both sides for each kind of truth. The kind is named unless the f0 of all clips is annotated."""
    truth = result.truth
    parts = [part for part in (truth, *truth.other_kinds) if part.baseline and part.variant] if truth else []
    name_kinds = [part.kind for part in parts] != ["annotated"]
    return ", ".join(_accuracy_text(part) + f" ({part.kind})" * name_kinds for part in parts) or DASH


def _accuracy_text(part: KindAccuracy) -> str:
    assert part.baseline is not None and part.variant is not None
    return f"{format_number(part.baseline.rpa50, '.4f')} → {format_number(part.variant.rpa50, '.4f')}"


def _bytes(result: Result) -> int | None:
    return result.program.bytes if result.program else None


def _p50_ms(result: Result) -> float | None:
    return result.speed.variant.p50_ms if result.speed else None


def _p50_text(result: Result) -> str:
    speed = result.speed
    return f"{speed.baseline.p50_ms:.2f} → {speed.variant.p50_ms:.2f}" if speed else DASH


def _times_faster(result: Result) -> float | None:
    return result.speed.speedup_p50 if result.speed else None


def _times_faster_text(result: Result) -> str:
    return result.speed.speedup.text() if result.speed else DASH


def _formatted(metric: Callable[[Result], float | None], spec: str) -> Callable[[Result], str]:
    return lambda result: format_number(metric(result), spec)


def _native_p50_us(result: Result) -> float | None:
    return result.speed.native.p50_us if result.speed and result.speed.native else None


def _native_times_faster(result: Result) -> float | None:
    return result.speed.native.speedup_p50 if result.speed and result.speed.native else None


def _native_times_faster_text(result: Result) -> str:
    return result.speed.native.speedup.text() if result.speed and result.speed.native else DASH


METRIC_COLUMNS = (
    Column("pitch_p95", "pitch p95 (cents)", _formatted(_p95_cents, ".4f"), _p95_cents),
    Column("max", "max without jumps", _formatted(_max_without_jumps_cents, ".4f"), _max_without_jumps_cents),
    Column("jumps", "jumps / voiced", _jumps_text, _jump_rate),
    Column("confidence_max", "confidence max", _formatted(_confidence_max, ".1e"), _confidence_max),
    Column("rpa50", "rpa50 baseline → variant", _rpa50_text, _rpa50),
    Column("delay", "delay (ms)", _formatted(_delay_ms, ".1f"), _delay_ms),
    Column(
        "geometry", "delay by geometry", lambda result: f"{result.geometry_ms:.1f}", lambda result: result.geometry_ms
    ),
    Column("tones", "tones move / off (cents)", lambda result: tones_text(_tones(result)), _tones_p95_cents),
    Column("bytes", "bytes", _formatted(_bytes, ",d"), _bytes),
    Column("native_p50", "native p50 (µs)", _formatted(_native_p50_us, ".0f"), _native_p50_us),
    Column("native_times_faster", "times faster (native)", _native_times_faster_text, _native_times_faster),
    Column("p50", "p50 (ms)", _p50_text, _p50_ms),
    Column("times_faster", "times faster", _times_faster_text, _times_faster),
)
