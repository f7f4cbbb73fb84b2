"""Writes `docs/results/rivals.md`: PESTO and other trackers, from the stored records of `workbench rivals`."""

import shutil
from pathlib import Path

from tools.docs.stored import PICTURES, RECORDS
from workbench.audio.annotations import TruthKind
from workbench.measure.rivals.figures import RivalFigures
from workbench.measure.rivals.pesto import PESTO
from workbench.records.rivals import RIVALS_NAME, RIVALS_PLOT_NAME, Rivals
from workbench.report.formatting import format_number, markdown_table
from workbench.report.tables.rivals import VOTES, clips_text, rival_rows

RENDERED, SINGING = RECORDS / RIVALS_NAME, RECORDS / "rivals-singing.json"
_OURS = f"{PESTO}int8-mixed"
_HEAD = """---
hide: [toc]
---

# PESTO and other trackers

`make rivals` writes this page. It runs [`workbench rivals`](../reference/commands.md), which compares PESTO with the
trackers that people would choose instead, on the same clips and at the same moments. Your own recordings with known f0:
`workbench rivals takes/`. The trackers are the extra `rivals`.

- **RPA50, RCA50**: the share of voiced moments whose pitch is within 50 cents; RCA50 forgives octaves. **Recall** and
  **false alarms**: the share of voiced, and of unvoiced, moments that the tracker calls voiced. **Overall**: the share
  of all moments that are right. All by `mir_eval.melody`.
- The columns **its recall, its false alarms, its overall** are at the tracker's best threshold, which the clips for
  calibration choose. The columns before it have the tracker's own decision, with its default settings.
- **Shift**: how far every tracker's frames are moved back, in ms, which the clips for calibration choose as well. It is
  another number than the bench's *delay (ms)*, the time from a step in pitch until a frame returns it and keeps it:
  see [Delay](../measure/delay.md).
- **Audio after**: how much audio a frame needs after the moment that it describes. It is the delay that no faster
  machine removes. It is measured: the audio after a moment is replaced, and the frames that change needed it. A
  frame that changes by less than 0.1 cents has not changed, so it is a little shorter than the method's window, which
  is below the table.
- **20 ms take**: the time for 20 ms of a stream, in Python, with one thread. Trackers that are no stream track a window
  again. All trackers are timed in one run, in alternating rounds. **Times eager** is the time of a round divided by
  that of PESTO eager in the same round: below 1 is faster. Both are the median, with the 10th and 90th percentile over
  the rounds in brackets. [Speed](speed.md) has PESTO's programs without Python.
- **Where PESTO loses** on the rendered clips: it often finds low voices an octave too high, so its RCA50 is much above
  its RPA50. It calls quiet voices unvoiced. [Known f0](../measure/known-f0.md) explains accuracy by octave and clip.
- **Bytes**: the files of weights. A program of PESTO is one file with its code; eager loads a checkpoint without the
  front end, which it computes when it starts.
"""
_KINDS: dict[TruthKind, str] = {
    "annotated": "The f0 is exact: the clips are rendered, or annotated by hand.",
    "consensus": "The f0 is a consensus of several trackers, marked with an asterisk. It is unfair: moments on which "
    "they disagree are not scored, so those that vote look better than they are.",
    "resynthesis": "The recordings were sung again by a vocoder, with an f0 that is exact.",
}


def store(run: Path, record: Path = RENDERED) -> None:
    """Stores the record of a `workbench rivals`, and its picture."""
    shutil.copyfile(run / RIVALS_NAME, record)
    shutil.copyfile(run / RIVALS_PLOT_NAME, PICTURES / record.with_suffix(".png").name)


def store_singing(run: Path) -> None:
    """Stores the record of a `workbench rivals` on recordings, and its picture."""
    store(run, SINGING)


def page() -> str:
    """Returns the page."""
    sections = [_HEAD]
    for path, title in ((RENDERED, "Rendered clips"), (SINGING, "Recorded singing")):
        if path.is_file():
            sections.append(_section(Rivals.model_validate_json(path.read_bytes()), path, title))
    if len(sections) == 1:
        sections.append("No record is stored yet.\n")
    return "\n".join(sections)


def _section(rivals: Rivals, path: Path, title: str) -> str:
    name, here = path.stem, rivals.environment
    parts = [f"## {title}\n\n![Audio that a frame needs against accuracy](../pictures/{name}.png)\n"]
    for clips in rivals.scored:
        rows = [{**row, "tracker": row["tracker"].replace(VOTES, " \\*")} for row in rival_rows(rivals, clips.kind)]
        parts.append(f"{_KINDS[clips.kind]} {clips_text(clips)[len(clips.kind) + 5 :]}, every {rivals.grid_ms:g} ms.\n")
        parts.append(markdown_table(rows, left=("tracker", "licence")))
    parts += [f"{absent.name} was not run: {absent.reason}.\n" for absent in rivals.not_run]
    parts += [f"{name} was not timed: {reason}.\n" for name, reason in rivals.not_timed.items()]
    parts.append(_methods(rivals))
    parts.append(_advice(rivals))
    parts.append(
        f"Measured on {rivals.created[:10]} with workbench {here.commit}, {here.cpu}, {here.cores} cores; calibration: "
        f"{clips_text(rivals.calibration)}. [{path.name}](../records/{path.name}) has all numbers: also what each "
        "tracker's voicing is, how its stream is computed, and the versions.\n"
    )
    return "\n".join(parts)


def _methods(rivals: Rivals) -> str:
    """A line for each tracker: what of its method looks ahead, and how a stream of it was computed."""
    lines = [
        f"- **{each.name}** looks ahead by {each.lookahead_rule}. Streamed: {each.streamed or 'not measured'}."
        for each in rivals.trackers
    ]
    return "\n".join(lines) + "\n"


def _advice(rivals: Rivals) -> str:
    """A line for each rival: when to take it, and in what it is better and worse than PESTO."""
    ours = next((each for each in rivals.trackers if each.name == _OURS), None)
    others = [each for each in rivals.trackers if not each.name.startswith(PESTO)]
    if ours is None or not others:
        return ""
    kind = rivals.scored[0].kind
    lines = ["### When to take another tracker\n"]
    for each in others:
        better, worse = _compared(each, ours, kind)
        lines.append(
            f"- **{each.name}**, if {each.advice}. Better than {_OURS}: {'; '.join(better) or 'in nothing here'}. "
            f"Worse: {'; '.join(worse) or 'in nothing here'}."
        )
    return "\n".join(lines) + "\n"


def _compared(other: RivalFigures, ours: RivalFigures, kind: TruthKind) -> tuple[list[str], list[str]]:
    """Returns the figures in which a tracker is better than PESTO and those in which it is worse, as phrases."""
    better, worse = [], []
    for name, spec, is_more_better, values in _compared_figures(other, ours, kind):
        theirs, our = (format_number(value, spec) for value in values)
        if None in values or theirs == our:
            continue
        is_better = (values[0] > values[1]) == is_more_better  # type: ignore[operator]
        (better if is_better else worse).append(f"{name} {theirs} against {our}")
    return better, worse


def _compared_figures(
    other: RivalFigures, ours: RivalFigures, kind: TruthKind
) -> list[tuple[str, str, bool, list[float | None]]]:
    pair = (other, ours)
    scores = [each.score(kind) for each in pair]
    bests = [score.best for score in scores]
    lookaheads = [each.lookahead for each in pair]
    return [
        ("RPA50", ".3f", True, [score.default.rpa50 for score in scores]),
        ("overall", ".3f", True, [score.default.overall for score in scores]),
        ("overall at the best threshold", ".3f", True, [best.overall if best else None for best in bests]),
        ("audio after (ms)", ".0f", False, [look.future_ms if look else None for look in lookaheads]),
        ("time for 20 ms (ms)", ".2f", False, [each.time.ms.p50 if each.time else None for each in pair]),
        ("bytes", ",.0f", False, [None if each.bytes is None else float(each.bytes) for each in pair]),
    ]
