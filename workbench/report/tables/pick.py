"""The output of `pick`."""

from workbench.audit.choice.explain import Candidate, Choice
from workbench.audit.clock import Clock
from workbench.audit.comparison import shown
from workbench.report.formatting import counted, format_number
from workbench.report.tables.terminal import console, plain_table, print_lines

_LARGEST_SHARE = 10  # a miss by ten times the limit or more is shown without a percentage
_CLOCKS = {"native": "of the native host, without Python", "session": "of the Python session"}


def print_choice(choice: Choice) -> None:
    """Prints the candidates as a table, then the winner with its reasons, then every other variant and why it lost."""
    output = console()
    if choice.front:
        standings = ["picked"] + ["on the front"] * (len(choice.front) - 1)
        rows = [_cells(each, choice.clock, standing) for each, standing in zip(choice.front, standings, strict=True)]
        rows += [_cells(dominated.candidate, choice.clock, "dominated") for dominated in choice.dominated]
        output.print(plain_table(rows, left=("variant", "")))
        output.print()
    print_lines(output, choice_lines(choice), indent=0)


def _cells(candidate: Candidate, clock: Clock | None, standing: str) -> dict[str, str]:
    native = clock == "native"
    return {
        "variant": candidate.name,
        "": standing,
        "pitch p95 (cents)": f"{candidate.pitch_p95_cents:.4f}",
        "jumps": format_number(candidate.over_50_cents_rate, ".2%"),
        "delay (ms)": format_number(candidate.delay_ms, ".1f"),
        "delay by geometry": f"{candidate.geometry_ms:.1f}",
        "tones move (cents)": format_number(candidate.tones_std_cents, ".1f"),
        "off, p95": format_number(candidate.tones_p95_cents, ".1f"),
        "bytes": f"{candidate.bytes:,}",
        "native p50 (µs)" if native else "p50 (µs)": f"{candidate.p50_us:.0f}",
        "times faster (native)" if native else "times faster": candidate.speedup.text(),
        "from the ideal": format_number(candidate.distance, ".2f"),
    }


def choice_lines(choice: Choice) -> list[str]:
    """Returns the winner with the reasons and the warnings, then a line for each variant that is not the winner."""
    winner = choice.winner
    lines = [f"{choice.objective}: {winner.name if winner else 'none'}"]
    lines += [f"  {reason}" for reason in choice.why]
    lines += [f"  warning: {warning}" for warning in choice.warnings]
    if choice.clock:
        lines.append(
            f"  speeds   {_CLOCKS[choice.clock]}" + (f": {choice.clock_reason}" if choice.clock_reason else "")
        )
    if winner:
        lines.append(f"  program  {winner.program or winner.null_reasons['program']}")
    for dominated in choice.dominated:
        also = f" (and by {', '.join(dominated.by[1:])})" if len(dominated.by) > 1 else ""
        lines.append(f"{dominated.candidate.name}: dominated: {dominated.how}{also}")
    for near in choice.nearest:
        lines.append(f"nearest: {near.name} misses {counted(len(near.misses), 'gate')}")
        lines += [
            f"  {miss.metric} is {shown(miss.value)} (limit {miss.limit}), "
            f"{shown(miss.beyond)}{f' or {miss.share:.0%}' if miss.share < _LARGEST_SHARE else ''} beyond it"
            + (f"; what may help: {miss.hint}" if miss.hint else "")
            for miss in near.misses
        ]
    for rejected in choice.rejected:
        lines += [f"{rejected.name}: {rejected.verdict}: {reason}" for reason in rejected.reasons]
    lines += [f"{omitted.name}: left out: {'; '.join(omitted.reasons)}" for omitted in choice.left_out]
    return lines
