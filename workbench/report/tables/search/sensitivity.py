"""The output of `sensitivity`: a row for each layer, a column for each scheme, and what programs say."""

from collections.abc import Iterable
from pathlib import Path

from workbench.records.search.sensitivity import SENSITIVITY_NAME, SENSITIVITY_PLOT_NAME, Effect, Sensitivity
from workbench.report.formatting import DASH, format_number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines


def layer_rows(record: Sensitivity) -> list[dict[str, str]]:
    """Returns a row for each layer: its bytes in float, its largest effect, and the cents of each scheme (kB saved)."""
    effects = [effect for effect in record.effects if effect.kind == "layer"]
    schemes = dict.fromkeys(effect.choice for effect in effects if effect.choice != "none")
    rows = []
    for layer in dict.fromkeys(effect.target for effect in effects):
        by_scheme = {effect.choice: effect for effect in effects if effect.target == layer}
        exact = by_scheme.get("none")
        cells = {scheme: _cents_and_kb(by_scheme[scheme]) if scheme in by_scheme else DASH for scheme in schemes}
        size = _kb(exact.weight_bytes) if exact else DASH
        rows.append({"layer": layer, "float (kB)": size, "largest": _largest(by_scheme.values()), **cells})
    return rows


def _largest(effects: Iterable[Effect]) -> str:
    """Returns the largest deviation that a scheme of the layer causes, and the scheme."""
    effect = max(effects, key=lambda effect: effect.pitch_p95_cents or 0.0)
    return f"{format_number(effect.pitch_p95_cents, '.3f')} {effect.choice}" if effect.pitch_p95_cents else DASH


def key_rows(record: Sensitivity) -> list[dict[str, str]]:
    """Returns a row for each value of a key."""
    return [
        {
            "key": effect.target,
            "value": effect.choice,
            "p95 (cents)": format_number(effect.pitch_p95_cents, ".3f"),
            "> 50 cents": format_number(effect.over_50_cents_rate, ".2%"),
            "confidence p95": format_number(effect.confidence_p95, ".4f"),
            "weights (kB)": _kb(effect.weight_bytes),
        }
        for effect in record.effects
        if effect.kind == "key"
    ]


def checked_rows(record: Sensitivity) -> list[dict[str, str]]:
    """Returns a row for each change that was checked in a program: simulated → in the program."""
    checked = [effect for effect in record.effects if effect.lowered is not None]
    rows = []
    for effect in sorted(checked, key=lambda effect: effect.pitch_p95_cents or 0.0, reverse=True):
        lowered = effect.lowered
        assert lowered is not None
        rows.append(
            {
                "change": f"{effect.target}: {effect.choice}",
                "p95 (cents)": _both(effect.pitch_p95_cents, lowered.pitch_p95_cents, ".3f"),
                "> 50 cents": _both(effect.over_50_cents_rate, lowered.over_50_cents_rate, ".2%"),
                "confidence p95": _both(effect.confidence_p95, lowered.confidence_p95, ".4f"),
                "frames": str(effect.frames),
                "program bytes": f"{lowered.program_bytes:,}",
                "native p50 (µs)": format_number(effect.native_us, ".1f"),
            }
        )
    return rows


def print_sensitivity(record: Sensitivity, folder: Path) -> None:
    """Prints the effects, the comparison with programs, and the paths of what was written."""
    output = console(220)
    first = next(iter(record.effects), None)
    counts = f", {first.voiced_frames} voiced of {first.frames} frames" if first else ""
    print_heading(
        output, f"{record.recipe.name}: each change by itself, on {len(record.clips)} calibration clips{counts}"
    )
    print_heading(output, "\nLayers: deviation of the pitch, p95 in cents (kB of weights saved)")
    output.print(plain_table(layer_rows(record), left=("layer",)))
    if key_rows(record):
        print_heading(output, "\nApproximations")
        output.print(plain_table(key_rows(record), left=("key",)))
    if checked_rows(record):
        print_heading(output, "\nThe largest effects of single layers and keys, simulated → in a program")
        output.print(plain_table(checked_rows(record), left=("change",)))
        float_program = record.float_program
        if float_program is not None:
            native = format_number(float_program.native_us, ".1f")
            print_lines(output, [f"float: {float_program.program_bytes:,} bytes, native p50 {native} µs"])
    print_lines(output, [f"{effect.target}: {effect.choice}: {why}" for effect, why in _failures(record)])
    output.print()
    print_lines(output, [f"record   {folder / SENSITIVITY_NAME}", f"picture  {folder / SENSITIVITY_PLOT_NAME}"])


def _failures(record: Sensitivity) -> list[tuple[Effect, str]]:
    reasons = [(effect, effect.null_reasons.get("lowered", "")) for effect in record.effects]
    return [(effect, why) for effect, why in reasons if why.startswith("does not")]


def _cents_and_kb(effect: Effect) -> str:
    return f"{format_number(effect.pitch_p95_cents, '.3f')} ({_kb(effect.saved_bytes)})"


def _both(simulated: float | None, lowered: float | None, form: str) -> str:
    return f"{format_number(simulated, form)} → {format_number(lowered, form)}"


def _kb(count: int) -> str:
    return f"{count / 1000:.1f}"
