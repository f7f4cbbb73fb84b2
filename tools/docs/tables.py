"""The tables of measurements, each from the stored records."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from tools.docs.stored import BENCH, MEASURED, PROFILES
from workbench.measure.call_sizes import SizeFigures
from workbench.measure.deviation import Deviation, PitchDeviation
from workbench.measure.operators.figures import furthest_from_bound
from workbench.records.bench import Bench
from workbench.records.profile import Profile, read_profile
from workbench.records.result import Result, read_result
from workbench.report.columns import by_processor, result_cells, without_empty_columns
from workbench.report.formatting import DASH, counted, format_number, markdown_table
from workbench.report.highlights import noisiest_layer, representative_sizes
from workbench.report.tables.bench import bench_rows, native_rows
from workbench.report.tables.results import print_results

DYNAMIC = "dynamic@mirror=1"
IN_SHORT = (
    *("float-upstream", "float-xnnpack", "int8-mixed", "int8-fast", "int8-small"),
    *("student-int8", "unfair"),
)
_SHORT_COLUMNS = {
    "variant": "variant",
    "verdict": "verdict",
    "pitch p95 (cents)": "pitch p95 (cents)",
    "jumps / voiced": "jumps / voiced",
    "delay (ms)": "delay (ms)",
    "bytes": "bytes",
    "native p50 (µs)": "native p50 (µs)",
    "times faster (native)": "times faster",
}
_ABOVE_BOUND = "most above their bounds: µs above, of µs"
_LEFT_OUT_OF_BENCH = ("of it loading",)  # for width; bench.json has it


def measured_results() -> list[Result]:
    """Returns the stored results of the shipped recipes, by name."""
    results = [read_result(path) for path in sorted(MEASURED.glob("*.json"))]
    if not results:
        raise SystemExit(f"{MEASURED}: no results; run `make measured`")
    return results


def measured() -> str:
    """Returns a row for each shipped variant, except the int8 experiments: a table for each processor."""
    results = measured_results()
    shown = [result for result in results if not result.recipe.name.startswith("int8-what-helps@")]
    tables = [
        markdown_table(without_empty_columns([result_cells(result) for result in group])) + _measured_where(group)
        for group in by_processor(shown)
    ]
    return "\n".join(tables) + _by_size(results) + _scored_and_took(results)


def measured_in_short() -> str:
    """Returns the rows of a few variants, with a few columns: the README's table."""
    shown = [read_result(MEASURED / f"{name}.json") for name in IN_SHORT]
    rows = [{short: result_cells(result)[name] for name, short in _SHORT_COLUMNS.items()} for result in shown]
    return markdown_table(without_empty_columns(rows)) + _measured_where(shown)


def printed_run() -> str:
    """Returns what `run` prints for int8-mixed."""
    result = read_result(MEASURED / "int8-mixed.json")
    printed = io.StringIO()
    with redirect_stdout(printed):
        print_results([(result, Path("outputs/mine/int8-mixed"))])
    lines = (line.rstrip() for line in printed.getvalue().splitlines())
    return "```text\n" + "\n".join(lines).strip() + "\n```\n"


def _measured_where(results: Sequence[Result]) -> str:
    days = sorted({result.created[:10] for result in results})
    commits = sorted({str(result.environment.commit) for result in results})
    machine = results[0].environment
    return (
        f"\nMeasured on {' and '.join(days)} with workbench {' and '.join(commits)}, {machine.cpu}, {machine.cores} "
        f"cores, {machine.threads} thread, torch {machine.torch}, executorch {machine.executorch}.\n"
    )


def _scored_and_took(results: Sequence[Result]) -> str:
    """Returns a sentence on the audio of the float reference, and on how long the runs took."""
    scored = [clip.seconds for clip in read_result(MEASURED / "float-xnnpack.json").audio if clip.role == "score"]
    minutes = [sum(result.seconds.values()) / 60 for result in results]
    return (
        f"The scored audio: {len(scored)} clips, {sum(scored):.0f} s. The {len(results)} variants took "
        f"{sum(minutes):.0f} minutes, the longest {max(minutes):.1f}.\n"
    )


def _by_size(results: Sequence[Result]) -> str:
    """Returns a sentence on the worst call size, which the row of a dynamic program does not show."""
    worst = [
        f"{result.recipe.name} {found.worst_p95_cents:.4f} and {format_number(found.worst_max_untied_cents, '.4f')}"
        for result in results
        if (found := result.deviation_over_sizes).worst_p95_cents is not None
    ]
    return (
        "\nA program with several call sizes is scored in random order of sizes, and timed at the smallest. Pitch p95 "
        f"and largest untied deviation at its worst size, in cents: {'; '.join(worst)}.\n"
    )


def int8() -> str:
    """Returns a row for each variant that has int8 layers."""
    rows = [int8_cells(result) for result in measured_results() if result.program and result.program.calibration]
    return markdown_table(rows, left=("variant", "most noise added by"))


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


def sizes() -> str:
    """Returns a row for each of some call sizes of a dynamic program, and the cost compared with a fixed one."""
    rows = [size_cells(size) for size in representative_sizes(read_result(MEASURED / f"{DYNAMIC}.json"))]
    fixed = read_result(MEASURED / "float-xnnpack.json").speed
    assert fixed is not None
    return markdown_table(rows) + (
        f"\nIn the same run float-xnnpack, with one frame per call, took {fixed.variant.p50_ms:.3f} ms per frame: "
        "if the size never changes, a program of that fixed size is faster.\n"
    )


def size_cells(size: SizeFigures) -> dict[str, str]:
    """Returns the figures of one call size that is timed, of a program that takes several, as text by column."""
    return {
        "frames a call": f"{size.frames_per_chunk} ({size.chunk_ms:.4g} ms)",
        "pitch p95 (cents)": format_number(size.p95_cents, ".4f"),
        "max without jumps": format_number(size.max_without_jumps_cents, ".4f"),
        "jumps": format_number(size.over_50_cents_rate, ".2%"),
        "voiced / all frames": f"{size.voiced_frames} / {size.frames}",
        "a call, p50 (ms)": f"{size.baseline_p50_ms:.2f} → {size.variant_p50_ms:.2f}",
        "a frame (ms)": f"{size.baseline_p50_ms_per_frame:.3f} → {size.variant_p50_ms_per_frame:.3f}",
        "times faster": size.speedup.text(),
    }


def bench() -> str:
    """Returns the tables of the stored bench, one for each number of threads."""
    if not BENCH.is_file():
        return "No bench is stored yet.\n"
    record = Bench.model_validate_json(BENCH.read_bytes())
    machine = record.environment
    tables = []
    for run in record.runs:
        rows = [{name: text for name, text in row.items() if name not in _LEFT_OUT_OF_BENCH} for row in bench_rows(run)]
        threads = counted(run.threads, "thread")
        tables.append(f"With {threads}:\n\n{markdown_table(without_empty_columns(rows))}")
        if native := native_rows(run):
            tables.append(f"With {threads}, in the native host, without Python:\n\n{markdown_table(native)}")
    (voiced,) = {figures.voiced_frames for run in record.runs for figures in run.contenders}
    return "\n".join(tables) + (
        f"\nMeasured on {record.created[:10]} with workbench {machine.commit}, {machine.cpu}, {machine.cores} cores, "
        f"torch {machine.torch}, executorch {machine.executorch}, ONNX Runtime {record.onnxruntime}; "
        f"{record.sample_rate_hz} Hz, {record.chunk_samples}-sample chunks, mirror {record.mirror:g}, "
        f"{record.frames_per_chunk} frame per call. Pitch: on the {voiced} frames on which eager is confident, of the "
        "timed audio.\n"
    )


def profiles() -> str:
    """Returns two rows for each stored profile: where the time of a call goes, and what is furthest above its bound."""
    stored = [profile for path in sorted(PROFILES.glob("*.json")) if (profile := read_profile(path)) is not None]
    if not stored:
        return "No profile is stored yet.\n"
    days = sorted({profile.created[:10] for profile in stored})
    commits = sorted({str(profile.environment.commit) for profile in stored})
    first = stored[0]
    return (
        markdown_table([_profile_cells(profile) for profile in stored], left=("variant",))
        + "\n"
        + markdown_table([_bound_cells(profile) for profile in stored], left=("variant", _ABOVE_BOUND))
        + f"\nMeasured on {' and '.join(days)} with workbench {' and '.join(commits)}, {first.environment.cpu}, "
        f"{first.environment.threads} thread. Peaks in the run of {first.recipe.name}: float32 "
        f"{first.peaks.float32_gmacs.p50:.0f} and int8 {first.peaks.int8_gmacs.p50:.0f} × 1e9 multiply-adds a second, "
        f"weights read at {first.peaks.read_gbytes.p50:.0f} GB/s.\n"
    )


def _profile_cells(profile: Profile) -> dict[str, str]:
    totals, name = profile.totals, profile.recipe.name
    return {
        "variant": f"[{name}](../records/profiles/{name}.json)",
        "operators": str(totals.operators),
        "in operators (µs)": f"{totals.delegated_us.p50:.1f}",
        "preparing them": f"{totals.preparation_us.p50:.1f}",
        "kernels outside": f"{totals.kernels_us.p50:.1f}",
        "rest of the call": f"{totals.call_us.p50:.1f}",
        "sum": f"{totals.sum_us.p50:.1f}",
        "a call": f"{totals.program_us.p50:.1f} ({totals.program_us.low:.1f}–{totals.program_us.high:.1f})",
        "difference": f"{totals.difference.p50:+.1%}",
    }


def _bound_cells(profile: Profile) -> dict[str, str]:
    layers = profile.layers or ()
    above = [
        f"{layer.name} {layer.above_bound_us:.0f} of {layer.total_us:.0f}"
        for layer in furthest_from_bound(layers, 4)
        if layer.above_bound_us
    ]
    return {
        "variant": profile.recipe.name,
        "multiply-adds": f"{sum(layer.macs for layer in layers):,}",
        "bound (µs)": f"{profile.totals.bound_us:.0f}" if profile.totals.bound_us is not None else "–",
        "longest kind of operator": f"{profile.kinds[0].name}: {profile.kinds[0].operators}, "
        f"{profile.kinds[0].us.p50:.0f} µs",
        _ABOVE_BOUND: "; ".join(above),
    }
