"""The output of `run`: the table of results, and what a reader has to know about each variant."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audit.order import display_order
from workbench.records.result import RESULT_NAME, Result
from workbench.report.columns import result_cells, without_empty_columns
from workbench.report.formatting import format_number
from workbench.report.highlights import noisiest_layer, representative_sizes
from workbench.report.summary import misfit_lines
from workbench.report.tables.terminal import colored, console, plain_table, print_heading, print_lines


def print_results(results: Sequence[tuple[Result, Path]]) -> None:
    """Prints the table and each known f0 that does not fit its clip, then for each variant why it did not pass and the
    paths of what was written.

    Args:
        results: At least one result, each with the folder that it was written to.
    """
    output = console(260)
    results = [results[index] for index in display_order([result for result, _ in results])]
    rows = without_empty_columns([result_cells(result) for result, _ in results])
    output.print(plain_table(colored(rows, "verdict"), left=("variant", "verdict")))
    print_lines(output, [f"caution: {line}" for line in misfit_lines(result for result, _ in results)], indent=0)
    for result, folder in results:
        print_heading(output, f"\n{result.recipe.name}")
        print_lines(output, [f"{result.verdict}: {reason}" for reason in result.reasons])
        print_lines(output, [f"record      {folder / RESULT_NAME}", *_int8_lines(result), *_size_lines(result)])
        if result.program:
            print_lines(output, [f"program     {folder / result.program.path}"])
        if result.deviation:
            print_lines(output, [f"pictures    {folder / 'pictures'}"])


def _int8_lines(result: Result) -> list[str]:
    """What was quantized, how it was calibrated, and which layer adds most of the error; none for a float program."""
    program = result.program
    calibration = program.calibration if program else None
    if program is None or calibration is None:
        return []
    counts = " and ".join(f"{count} {name}s" for name, count in program.quantized_ops.items())
    lines = [
        f"int8        {counts}, {program.bytes_by_dtype.get('int8', 0):,} bytes of weights",
        f"calibration {calibration.excerpts} clips ({calibration.audio_s:.0f} s), in {calibration.took_s:.0f} s",
    ]
    stable = calibration.stability
    if stable is not None and stable.scale_median_relative is not None:
        lines.append(
            f"stable      with other clips scales change by {stable.scale_median_relative:.0%} (median), pitch by "
            f"{format_number(stable.pitch_p95_cents, '.2f')} cents (p95)"
        )
    if noisiest := noisiest_layer(result):
        lines.append(f"noise       most is added by {noisiest.layer}: {noisiest.alone_db:.1f} dB below its signal")
    return lines


def _size_lines(result: Result) -> list[str]:
    """Time and deviation at some sizes of call, if the program takes several; the record has all of them."""
    return [
        f"size        {size.frames_per_chunk} frames a call: {size.variant_p50_ms_per_frame:.2f} ms a frame, baseline "
        f"{size.baseline_p50_ms_per_frame:.2f}; pitch p95 {format_number(size.p95_cents, '.4f')} cents, jumps "
        f"{format_number(size.over_50_cents_rate, '.2%')}"
        for size in representative_sizes(result)
    ]
