"""The output of `search`: what won and why, its scores on both kinds of clips, and the paths."""

from pathlib import Path

from workbench.records.search.trials import SEARCH_NAME, SEARCH_PAGE_NAME, ClipScores, Search
from workbench.report.formatting import format_number
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines


def title(search: Search) -> str:
    """Returns what was searched, and how many trials did what."""
    outcomes = [trial.outcome for trial in search.trials]
    counts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in dict.fromkeys(outcomes))
    return f"{search.space}: {search.objective}, from {search.base}; {len(outcomes)} trials ({counts})"


def score_row(role: str, scores: ClipScores) -> dict[str, str]:
    """Returns the scores of the winner on one kind of clips."""
    return {
        "clips": f"{role} ({scores.clips})",
        "voiced frames": f"{scores.voiced_frames} of {scores.frames}",
        "p95 (cents)": format_number(scores.pitch_p95_cents, ".3f"),
        "> 50 cents": format_number(scores.over_50_cents_rate, ".2%"),
        "confidence p95": format_number(scores.confidence_p95, ".4f"),
    }


def final_rows(search: Search) -> list[dict[str, str]]:
    """Returns the finalists as rows, the winner first."""
    trials = {trial.number: trial for trial in search.trials}
    return [
        {
            "trial": str(each.trial),
            "native p50 (µs)": format_number(each.native_p50_us, ".0f"),
            "time / winner's": each.over_winner.text(),
            "times faster": each.speedup.text(),
            "in the search": format_number(trials[each.trial].metrics.get(search.metrics[0]), ".2f"),
            "bytes": format_number(trials[each.trial].metrics["program.bytes"], ",.0f"),
            "outcome": trials[each.trial].outcome,
        }
        for each in search.final
    ]


def print_search(search: Search, folder: Path) -> None:
    """Prints the outcome of a search."""
    output = console()
    print_heading(output, title(search))
    print_lines(output, search.why)
    if search.final:
        output.print()
        output.print(plain_table(final_rows(search), left=("outcome",)))
    if search.search is not None:
        both = search.search
        output.print()
        rows = [score_row("calibration", both.calibration), score_row("scoring", both.scoring)]
        output.print(plain_table(rows, left=("clips",)))
        print_lines(output, [f"gap: {format_number(both.gap_p95_cents, '+.3f')} cents at p95"])
    output.print()
    paths = [f"recipe   {folder / recipe.file}" for recipe in search.recipes]
    print_lines(output, [*paths, f"record   {folder / SEARCH_NAME}", f"report   {folder / SEARCH_PAGE_NAME}"])
