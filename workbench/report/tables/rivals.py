"""The terminal table of PESTO and other trackers."""

from pathlib import Path

from workbench.audio.annotations import TruthKind
from workbench.measure.rivals.figures import RivalFigures
from workbench.records.rivals import RIVALS_NAME, RIVALS_PLOT_NAME, ClipSet, Rivals
from workbench.report.columns import without_empty_columns
from workbench.report.formatting import DASH, counted, format_number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines

VOTES = " *"
"""Marks a tracker that votes in a consensus, in a table of clips whose f0 is one."""


def rival_cells(figures: RivalFigures, kind: TruthKind) -> dict[str, str]:
    """Returns the figures of a tracker on the clips of a kind of truth as text by column; a dash for a missing one."""
    score = figures.score(kind)
    default, best, lookahead = score.default, score.best, figures.lookahead
    return {
        "tracker": figures.name + (VOTES if figures.votes and kind == "consensus" else ""),
        "RPA50": format_number(default.rpa50, ".4f"),
        "RCA50": format_number(default.rca50, ".4f"),
        "recall": format_number(default.voicing_recall, ".3f"),
        "false alarms": format_number(default.voicing_false_alarm, ".3f"),
        "overall": format_number(default.overall, ".3f"),
        "best threshold": format_number(figures.best_threshold, ".2f"),
        "its recall": format_number(best.voicing_recall if best else None, ".3f"),
        "its false alarms": format_number(best.voicing_false_alarm if best else None, ".3f"),
        "its overall": format_number(best.overall if best else None, ".3f"),
        "shift (ms)": format_number(figures.shift_ms, ".0f"),
        "audio after (ms)": format_number(lookahead.future_ms if lookahead else None, ".0f"),
        "before (ms)": format_number(lookahead.past_ms if lookahead else None, ".0f"),
        "20 ms take (ms)": figures.time.ms.text() if figures.time else DASH,
        "times eager": figures.time.ratio.text() if figures.time and figures.time.ratio else DASH,
        "bytes": format_number(figures.bytes, ",d"),
        "licence": figures.licence,
    }


def rival_rows(rivals: Rivals, kind: TruthKind) -> list[dict[str, str]]:
    """Returns a row of cells for each tracker."""
    return without_empty_columns([rival_cells(figures, kind) for figures in rivals.trackers])


def clips_text(clips: ClipSet) -> str:
    """Returns what the figures of a kind of truth stand on, in a phrase."""
    count = counted(len(clips.clips), "clip")
    return f"{clips.kind} f0: {count}, {clips.frames} moments, {clips.voiced_frames} of them voiced"


def print_rivals(rivals: Rivals, folder: Path) -> None:
    """Prints a table for each kind of truth, the trackers that did not run, and the paths of what was written."""
    output = console(240)
    for clips in rivals.scored:
        print_heading(output, f"{clips_text(clips)}, every {rivals.grid_ms:g} ms")
        output.print(plain_table(rival_rows(rivals, clips.kind), left=("tracker", "licence")))
        if clips.kind == "consensus":
            print_lines(output, ["* votes in a consensus, which is unfair to the others"])
        output.print()
    print_lines(output, [f"{absent.name}: not run: {absent.reason}" for absent in rivals.not_run])
    if any(figures.best_threshold is not None for figures in rivals.trackers):
        print_lines(output, [f"best threshold: chosen on other clips ({clips_text(rivals.calibration)})"])
    print_lines(output, [f"{name}: not timed: {reason}" for name, reason in rivals.not_timed.items()])
    streams = [f"{each.name}: 20 ms: {each.streamed}" for each in rivals.trackers if each.streamed not in ("", DASH)]
    print_lines(output, streams)
    output.print()
    print_lines(output, [f"record   {folder / RIVALS_NAME}", f"picture  {folder / RIVALS_PLOT_NAME}"])
