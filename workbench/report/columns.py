"""The columns of a table of results, on the terminal, in Markdown and in the page."""

from collections.abc import Callable
from dataclasses import dataclass

from workbench.measure.deviation import PitchDeviation
from workbench.records.result import Result
from workbench.report.formatting import DASH, format_number


@dataclass(frozen=True)
class Column:
    """A metric of a result: its text, a dash if it is missing, and its sort key, None if it is missing.

    `full_title` is for a table in which the column before it does not explain the short `title`.
    """

    key: str
    title: str
    text: Callable[[Result], str]
    sort_key: Callable[[Result], float | None]
    full_title: str = ""


def result_cells(result: Result) -> dict[str, str]:
    """Returns the figures of one variant as text by column title; a dash stands for a missing number."""
    verdict = result.verdict if result.protocol.fair else f"{result.verdict} (UNFAIR)"
    metrics = {column.title: column.text(result) for column in METRIC_COLUMNS}
    return {"variant": result.recipe.name, "verdict": verdict, **metrics}


def metric_column(key: str) -> Column:
    """Returns the column with this key."""
    return next(column for column in METRIC_COLUMNS if column.key == key)


def _pitch(result: Result) -> PitchDeviation | None:
    return result.deviation.pitch if result.deviation else None


def _p95_cents(result: Result) -> float | None:
    pitch = _pitch(result)
    return pitch.p95_cents if pitch else None


def _max_cents(result: Result) -> float | None:
    pitch = _pitch(result)
    return pitch.max_cents if pitch else None


def _voiced_frames(result: Result) -> int | None:
    return result.deviation.voiced_frames if result.deviation else None


def _voiced_text(result: Result) -> str:
    deviation = result.deviation
    return f"{deviation.voiced_frames} / {deviation.frames}" if deviation else DASH


def _confidence_max(result: Result) -> float | None:
    return result.deviation.confidence.max if result.deviation else None


def _rpa50(result: Result) -> float | None:
    return result.truth.variant.rpa50 if result.truth and result.truth.variant else None


def _rpa50_text(result: Result) -> str:
    truth = result.truth
    if truth is None or truth.baseline is None or truth.variant is None:
        return DASH
    return f"{format_number(truth.baseline.rpa50, '.4f')} → {format_number(truth.variant.rpa50, '.4f')}"


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


METRIC_COLUMNS = (
    Column("pitch_p95", "pitch p95 (cents)", _formatted(_p95_cents, ".4f"), _p95_cents),
    Column("pitch_max", "max", _formatted(_max_cents, ".4f"), _max_cents, "pitch max (cents)"),
    Column("voiced_frames", "voiced / all frames", _voiced_text, _voiced_frames),
    Column("confidence_max", "confidence max", _formatted(_confidence_max, ".1e"), _confidence_max),
    Column("rpa50", "rpa50 baseline → variant", _rpa50_text, _rpa50),
    Column("bytes", "bytes", _formatted(_bytes, ",d"), _bytes),
    Column("p50", "p50 (ms)", _p50_text, _p50_ms),
    Column("times_faster", "times faster", _times_faster_text, _times_faster),
)
