"""A record's figures as text, cell by cell: for the terminal's tables, the README's, and a pull request's."""

from collections.abc import Sequence

from workbench.measure.call_sizes import SizeFigures
from workbench.measure.deviation import Deviation, PitchDeviation
from workbench.quantize.results import LayerSnr
from workbench.records.result import Result

DASH = "–"


def result_cells(record: Result) -> dict[str, str]:
    """The figures of one variant as text, column by column; a dash where there is no number."""
    deviation, program, speed, truth = record.deviation, record.program, record.speed, record.truth
    pitch = deviation.pitch if deviation else None
    baseline, variant = (truth.baseline, truth.variant) if truth else (None, None)
    return {
        "variant": record.recipe.name,
        "verdict": record.verdict if record.protocol.fair else f"{record.verdict} (UNFAIR)",
        "pitch p95 (cents)": number(pitch.p95_cents if pitch else None, ".4f"),
        "max": number(pitch.max_cents if pitch else None, ".4f"),
        "voiced / all frames": f"{deviation.voiced_frames} / {deviation.frames}" if deviation else DASH,
        "confidence max": number(deviation.confidence.max if deviation else None, ".1e"),
        "rpa50 baseline → variant": f"{number(baseline.rpa50, '.4f')} → {number(variant.rpa50, '.4f')}"
        if baseline and variant
        else DASH,
        "bytes": number(program.bytes if program else None, ",d"),
        "p50 (ms)": f"{speed.baseline.p50_ms:.2f} → {speed.variant.p50_ms:.2f}" if speed else DASH,
        "times faster": speed.speedup.text() if speed else DASH,
    }


def int8_cells(record: Result) -> dict[str, str]:
    """What a quantized variant's calibration tells, column by column; a dash where there is no number."""
    deviation, program = record.deviation, record.program
    calibration = program.calibration if program else None
    stable = calibration.stability if calibration else None
    weakest = weakest_layer(record)
    return {
        "variant": record.recipe.name,
        "pitch p95 (cents)": number(deviation.pitch.p95_cents if deviation else None, ".2f"),
        "over 50 cents": _over_50(deviation.pitch, deviation) if deviation else DASH,
        "upstream's under dither": _over_50(record.floor.pitch, deviation) if record.floor and deviation else DASH,
        "layers in int8": number(
            sum(scheme != "none" for scheme in program.schemes.values()) if program else None, "d"
        ),
        "bytes": number(program.bytes if program else None, ",d"),
        "most noise made in": f"{weakest.layer} ({weakest.alone_db:.1f} dB)" if weakest else DASH,
        "other clips: pitch p95": number(stable.pitch_p95_cents if stable else None, ".2f"),
        "scales, median": number(stable.scale_median_relative if stable else None, ".0%"),
        "calibration and gaps (s)": number(calibration.took_s if calibration else None, ".0f"),
    }


def _over_50(pitch: PitchDeviation, of: Deviation) -> str:
    """How many voiced frames are more than 50 cents off, of how many."""
    rate = pitch.over_50_cents_rate
    return DASH if rate is None else f"{rate * of.voiced_frames:.0f} / {of.voiced_frames}"


def size_cells(size: SizeFigures) -> dict[str, str]:
    """One size of call of a program that takes several."""
    return {
        "frames a call": f"{size.frames_per_chunk} ({size.chunk_ms:.4g} ms)",
        "pitch p95 (cents)": number(size.p95_cents, ".4f"),
        "max": number(size.max_cents, ".4f"),
        "voiced / all frames": f"{size.voiced_frames} / {size.frames}",
        "a call, p50 (ms)": f"{size.baseline_p50_ms:.2f} → {size.variant_p50_ms:.2f}",
        "a frame (ms)": f"{size.baseline_p50_ms_per_frame:.3f} → {size.variant_p50_ms_per_frame:.3f}",
        "times faster": size.speedup.text(),
    }


def some_sizes(record: Result) -> list[SizeFigures]:
    """The smallest, the largest, and the powers of two between: enough to see a curve."""
    ends = (record.sizes[0], record.sizes[-1]) if record.sizes else ()
    return [size for size in record.sizes if size in ends or size.frames_per_chunk.bit_count() == 1]


def weakest_layer(record: Result) -> LayerSnr | None:
    """The int8 layer that makes most of the noise: least signal to noise when fed what the float network has there."""
    calibration = record.program.calibration if record.program else None
    noisy = (
        [gap for gap in calibration.gaps if gap.alone_db is not None and gap.scheme != "none"] if calibration else []
    )
    return min(noisy, key=lambda gap: gap.alone_db or 0, default=None)


def number(value: float | None, form: str) -> str:
    """The number in that form, a dash where there is none."""
    return DASH if value is None else format(value, form)


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun: "1 thread", "2 threads"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_WORDS = ("variant", "verdict", "contender", "claim")


def markdown(rows: Sequence[dict[str, str]], words: Sequence[str] = _WORDS) -> str:
    """Rows of cells as a table in Markdown, for a README or a pull request; columns of `words` begin at the left."""
    columns = list(rows[0])
    rule = [":--" if column in words else "--:" for column in columns]
    lines = [columns, rule, *([row[column] for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
