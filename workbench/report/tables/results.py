"""The output of `run`: the table of results, and what a reader has to know about each variant."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.audit.choice.order import display_order
from workbench.audit.weight_groups import weight_groups
from workbench.measure.truth.groups import GroupAccuracy
from workbench.records.result import RESULT_NAME, Result
from workbench.report.columns import result_cells, without_empty_columns
from workbench.report.formatting import format_number
from workbench.report.highlights import noisiest_layer, representative_sizes
from workbench.report.summary import misfit_lines
from workbench.report.tables.terminal import colored, console, plain_table, print_heading, print_lines

_LEAST_GAIN_POINTS = 0.1  # less is not worth another program


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
        print_lines(
            output,
            [
                f"record      {folder / RESULT_NAME}",
                *_octave_lines(result),
                *_threshold_lines(result),
                *_integer_lines(result),
                *_size_lines(result),
            ],
        )
        if result.program:
            print_lines(output, [f"program     {folder / result.program.path}"])
        if result.deviation:
            print_lines(output, [f"pictures    {folder / 'pictures'}"])


def _octave_lines(result: Result) -> list[str]:
    """The raw pitch accuracy of the variant by octave with its interval; none if there is one octave or no known f0."""
    groups = result.truth.groups if result.truth else ()
    octaves = [_octave(group) for group in groups if group.by == "octave" and group.variant is not None]
    if result.truth is None or len(octaves) < 2:
        return []
    kind = "" if result.truth.kind == "annotated" else f" ({result.truth.kind})"
    return [f"by octave   rpa50{kind} {', '.join(octaves)}"]


def _octave(group: GroupAccuracy) -> str:
    rpa50 = format_number(group.variant.rpa50 if group.variant else None, ".1%")
    if group.variant_interval is None:
        return f"{group.group} {rpa50}"
    low, high = group.variant_interval
    return f"{group.group} {rpa50} ({100 * low:.1f} to {100 * high:.1f})"


def _threshold_lines(result: Result) -> list[str]:
    """The confidence threshold at which most frames are right, and what the program's own costs; none if not known."""
    advice = result.advised_threshold
    if advice.threshold is None or advice.overall is None or advice.program_overall is None:
        return []
    now, chosen_on = f"{advice.program_threshold:g}", f"chosen on {advice.chosen_on_text}"
    adopt = f"to adopt it: --set postprocess.confidence_threshold={advice.threshold:g}"
    if advice.is_of_rendered_clips:
        adopt = "their rests are digital silence, so choose it on recordings before you adopt it"
    gain_points = 100 * (advice.overall - advice.program_overall)
    if gain_points < _LEAST_GAIN_POINTS:
        return [
            f"threshold   {now} makes {advice.program_overall:.1%} of frames right; no other is better ({chosen_on})"
        ]
    return [
        f"threshold   {advice.threshold:g} makes {advice.overall:.1%} of frames right, {now} as now "
        f"{advice.program_overall:.1%} ({chosen_on}); {adopt}"
    ]


def _integer_lines(result: Result) -> list[str]:
    """What was quantized, how it was calibrated, and which layer adds most of the error; none for a float program."""
    program = result.program
    if program is None or not (program.calibration or program.weights):
        return []
    integer_bytes = sum(program.bytes_by_dtype.get(dtype, 0) for dtype in ("int8", "int4"))
    label = "integers" if program.weights else "int8"
    lines = [f"{label:<11} {_operators(program.quantized_ops)}, {integer_bytes:,} bytes of weights"]
    lines += [f"weights     {group.kind} in {group.scheme}: {group.text()}" for group in weight_groups(program.weights)]
    if program.weights:
        coarsest = max(program.weights, key=lambda stored: stored.error_relative)
        lines.append(
            f"coarsest    weights of {coarsest.layer} ({coarsest.scheme}): {coarsest.error_relative:.1e} of their norm"
        )
    useless = [stored for stored in program.weights if stored.saved_bytes <= 0]
    if useless:
        lines.append(
            f"no gain     {', '.join(stored.layer for stored in useless)}: smaller in float, by "
            f"{-sum(stored.saved_bytes for stored in useless):,} bytes together"
        )
    calibration = program.calibration
    if calibration is None:
        return lines
    lines.append(
        f"calibration {calibration.excerpts} clips ({calibration.audio_s:.0f} s), in {calibration.took_s:.0f} s"
    )
    stable = calibration.stability
    if stable is not None and stable.scale_median_relative is not None:
        lines.append(
            f"stable      with other clips scales change by {stable.scale_median_relative:.0%} (median), pitch by "
            f"{format_number(stable.pitch_p95_cents, '.2f')} cents (p95)"
        )
    if noisiest := noisiest_layer(result):
        lines.append(f"noise       most is added by {noisiest.layer}: {noisiest.alone_db:.1f} dB below its signal")
    return lines


def _operators(counts: Mapping[str, int]) -> str:
    """Returns counts of operators as text: "6 convolutions and 29 linears with int8 weights"."""
    found = []
    for name, count in counts.items():
        operator, _, weights = name.partition("_int")
        found.append(f"{count} {operator}s" + f" with int{weights.replace('_', ' ')}" * bool(weights))
    return " and ".join(found)


def _size_lines(result: Result) -> list[str]:
    """Time and deviation at some sizes of call, if the program takes several; the record has all of them."""
    return [
        f"size        {size.frames_per_chunk} frames a call: {size.variant_p50_ms_per_frame:.2f} ms a frame, baseline "
        f"{size.baseline_p50_ms_per_frame:.2f}; pitch p95 {format_number(size.p95_cents, '.4f')} cents, jumps "
        f"{format_number(size.over_50_cents_rate, '.2%')}"
        for size in representative_sizes(result)
    ]
