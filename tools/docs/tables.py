"""Rows of the README's tables of quantization and of sizes of call."""

from workbench.measure.call_sizes import SizeFigures
from workbench.measure.deviation import Deviation, PitchDeviation
from workbench.records.result import Result
from workbench.report.formatting import DASH, format_number
from workbench.report.highlights import noisiest_layer


def int8_cells(result: Result) -> dict[str, str]:
    """Returns what calibration recorded of a quantized variant, as text by column; a dash for a missing number."""
    deviation, program = result.deviation, result.program
    calibration = program.calibration if program else None
    stable = calibration.stability if calibration else None
    noisiest = noisiest_layer(result)
    return {
        "variant": result.recipe.name,
        "pitch p95 (cents)": format_number(deviation.pitch.p95_cents if deviation else None, ".2f"),
        "over 50 cents": _over_50(deviation.pitch, deviation) if deviation else DASH,
        "upstream's under dither": _over_50(result.floor.pitch, deviation) if result.floor and deviation else DASH,
        "layers in int8": format_number(
            sum(scheme != "none" for scheme in program.schemes.values()) if program else None, "d"
        ),
        "bytes": format_number(program.bytes if program else None, ",d"),
        "most noise added by": f"{noisiest.layer} ({noisiest.alone_db:.1f} dB)" if noisiest else DASH,
        "other clips: pitch p95": format_number(stable.pitch_p95_cents if stable else None, ".2f"),
        "scales, median": format_number(stable.scale_median_relative if stable else None, ".0%"),
        "calibration and gaps (s)": format_number(calibration.took_s if calibration else None, ".0f"),
    }


def _over_50(pitch: PitchDeviation, deviation: Deviation) -> str:
    """How many of the voiced frames of `deviation` are more than 50 cents off."""
    rate = pitch.over_50_cents_rate
    return DASH if rate is None else f"{rate * deviation.voiced_frames:.0f} / {deviation.voiced_frames}"


def size_cells(size: SizeFigures) -> dict[str, str]:
    """Returns the figures of one size of call of a program that takes several, as text by column."""
    return {
        "frames a call": f"{size.frames_per_chunk} ({size.chunk_ms:.4g} ms)",
        "pitch p95 (cents)": format_number(size.p95_cents, ".4f"),
        "max": format_number(size.max_cents, ".4f"),
        "voiced / all frames": f"{size.voiced_frames} / {size.frames}",
        "a call, p50 (ms)": f"{size.baseline_p50_ms:.2f} → {size.variant_p50_ms:.2f}",
        "a frame (ms)": f"{size.baseline_p50_ms_per_frame:.3f} → {size.variant_p50_ms_per_frame:.3f}",
        "times faster": size.speedup.text(),
    }
