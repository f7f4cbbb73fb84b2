"""Writes `docs/results/searches.md`: what searches found, from the stored records.

A folder of records has one folder for each space:

    SPACE/search.json             `workbench search recipes/search/SPACE.yaml`
    SPACE/winner/result.json      the winner on the scoring clips, which the same command writes
    SPACE/singing/*/result.json   `workbench run` of the found recipe on singing that no search used
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tools.docs.stored import RECORDS, store_json
from workbench.records.result import Result, read_result
from workbench.records.search.trials import SEARCH_NAME, ClipScores, Search, TrialRecord
from workbench.report.columns import result_cells
from workbench.report.formatting import DASH, format_number, markdown_table
from workbench.report.tables.search.trials import final_rows, score_row, title

SEARCHES = RECORDS / "searches"
_SPEEDUP = "speed.native.speedup"
_HEAD = """---
hide: [toc]
---

# What searches found

`python -m tools.docs.regenerate --searches DIR` writes this page. [Find the best recipe](../guides/search.md) explains
how a search works. The calibration clips choose. Only the winner runs on the scoring clips, once.
No search used the singing.
"""


def store(run: Path) -> None:
    """Stores the records of the spaces in a folder; those of other spaces stay."""
    for record in sorted(run.glob(f"*/{SEARCH_NAME}")):
        target = SEARCHES / record.parent.name
        shutil.rmtree(target, ignore_errors=True)
        store_json(record, target / SEARCH_NAME)
        store_json(record.parent / "winner" / "result.json", target / "winner.json")
        for singing in record.parent.glob("singing/*/result.json"):
            store_json(singing, target / "singing.json")


def page(folder: Path = SEARCHES) -> str:
    """Returns the page of the records in a folder."""
    sections = [_HEAD]
    for path in sorted(folder.glob(f"*/{SEARCH_NAME}")):
        search = Search.model_validate_json(path.read_bytes())
        winner, singing = (
            read_result(file) for file in (path.with_name("winner.json"), path.with_name("singing.json"))
        )
        sections += _section(search, winner, singing)
    return "\n".join(sections) if len(sections) > 1 else f"{_HEAD}\nNo record is stored yet.\n"


def _section(search: Search, winner: Result, singing: Result) -> list[str]:
    """The goal, the base recipe beside the winner, and the scores on all kinds of clips."""
    assert search.search is not None
    base, won = search.trials[0], next(trial for trial in search.trials if trial.number == search.winner)
    limits = "; ".join(f"`{metric} {limit}`" for metric, limit in search.constraints.items())
    both, environment = search.search, search.environment
    scores = [
        score_row("calibration", both.calibration),
        score_row("scoring", both.scoring),
        score_row("singing", _scores(singing)),
    ]
    cells = result_cells(winner)
    return [
        f"## {title(search)}\n",
        f"Limits on the calibration clips: {limits}.\n",
        markdown_table([_trial_row("the base recipe", base), _trial_row("the winner", won)], left=("trial",)),
        *_final(search),
        f"Timed again on the scoring clips, the winner takes {cells['native p50 (µs)']} µs a call in the native host, "
        f"{cells['times faster (native)']} times as fast as eager. The gap between scoring and calibration clips is "
        f"{format_number(both.gap_p95_cents, '+.3f')} cents.\n",
        markdown_table(scores, left=("clips",)),
        "What it chose, and how much each choice decides about the goal:\n",
        markdown_table(_choices(search, base, won), left=("choice", "base recipe", "winner")),
        f"{environment.cpu}, {search.created[:10]}, workbench {environment.commit}.\n",
    ]


def _final(search: Search) -> list[str]:
    """The trials that were timed together at the end. Their times in the search, one by one, are beside them."""
    if not search.final:
        return []
    return [
        "The final: the best trials and the base recipe, timed in the same rounds. If the low end of a ratio to the "
        "winner's time is below 1, the trial was faster than the winner in at least one round of ten. A trial that "
        "exceeds a limit cannot win. Times within 3% of the fastest are a tie: the base recipe wins it if it is in it, "
        "otherwise the smallest program.\n",
        markdown_table(final_rows(search), left=("outcome",)),
    ]


def _trial_row(name: str, trial: TrialRecord) -> dict[str, str]:
    metrics = trial.metrics
    times = [metrics.get(f"{_SPEEDUP}_{end}") for end in ("p50", "low", "high")]
    ratio = DASH if None in times else "{:.2f} ({:.2f}–{:.2f})".format(*times)
    return {
        "trial": f"{name} ({trial.number})",
        "bytes": format_number(metrics.get("program.bytes"), ",.0f"),
        "times faster (native)": ratio,
        "p95 (cents)": format_number(metrics.get("deviation.pitch.p95_cents"), ".3f"),
        "> 50 cents": format_number(metrics.get("deviation.pitch.over_50_cents_rate"), ".2%"),
    }


def _scores(singing: Result) -> ClipScores:
    """Returns the scores of the found recipe on singing that no search used."""
    deviation = singing.deviation
    assert deviation is not None
    return ClipScores(
        clips=sum(clip.role == "score" for clip in singing.audio),
        frames=deviation.frames,
        voiced_frames=deviation.voiced_frames,
        pitch_p95_cents=deviation.pitch.p95_cents,
        over_50_cents_rate=deviation.pitch.over_50_cents_rate,
        confidence_p95=deviation.confidence.p95,
    )


def _choices(search: Search, base: TrialRecord, won: TrialRecord) -> Sequence[dict[str, str]]:
    names = sorted(won.parameters, key=lambda name: -search.importance.get(name, 0))
    return [
        {
            "choice": f"`{name}`",
            "base recipe": str(base.parameters.get(name, DASH)).strip('"'),
            "winner": str(won.parameters[name]).strip('"'),
            "decides": format_number(search.importance.get(name), ".0%"),
        }
        for name in names
    ]
