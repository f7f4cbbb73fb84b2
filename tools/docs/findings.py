"""Writes `docs/results/findings.md`: each claim of the first experiments, and what the stored results say about it."""

import re
import shutil
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from workbench.recipe import gates_of
from workbench.records.metrics import metric_value
from workbench.records.result import Result, read_result
from workbench.report.columns import result_cells
from workbench.report.formatting import DASH, format_number, markdown_table
from workbench.report.markdown import escape_markdown

ROOT = Path(__file__).parent.parent.parent
FINDINGS = ROOT / "docs" / "records" / "findings"
PICTURES = ROOT / "docs" / "pictures"
MEASURED = ROOT / "docs" / "records" / "measured"
NOT_YET = "not measured yet"
_INTRODUCTION = """This page compares each conclusion of the first experiments with a measurement. It is generated from
the claims (`docs/records/findings/claims.yaml`) and from stored results: those of `make findings`
(recipes in `recipes/findings`, results in `docs/records/findings`) and those of `make measured` (recipes in `recipes`,
results in `docs/records/measured`).

A conclusion is printed only if the figures support it, as the file of claims requires. A verdict follows from the
recipe's gates; some recipes are meant to fail. A dash means that there is no number, and the result says why.
`p50 (ms)` is the median call of eager and of the program.
"""
_COLUMNS = (
    "variant",
    "verdict",
    "pitch p95 (cents)",
    "max without jumps",
    "jumps / voiced",
    "confidence max",
    "bytes",
    "p50 (ms)",
)

_WORDS = ("variant", "verdict", "lowered", "delegates", "state")

Claim = dict[str, Any]


def claims() -> list[Claim]:
    """Returns the claims in order; see docs/records/findings/claims.yaml."""
    found: list[Claim] = YAML(typ="safe", pure=True).load((FINDINGS / "claims.yaml").read_text())
    return found


def keep(run: Path) -> None:
    """Stores the results of a run, and the pictures that claims name, for the page."""
    if not (paths := sorted(run.glob("*/result.json"))):
        raise SystemExit(f"{run}: it holds no result.json")
    for old in FINDINGS.glob("*.json"):
        old.unlink()
    for path in paths:
        shutil.copyfile(path, FINDINGS / f"{path.parent.name}.json")
    for claim in claims():
        pictures = sorted((run / claim.get("picture", "")).glob("pictures/*.png")) if "picture" in claim else []
        if pictures:
            shutil.copyfile(pictures[0], PICTURES / f"{claim['picture']}.png")


def page() -> str:
    """Returns the page, from the results that are stored."""
    found = claims()
    texts = [
        "# Findings of the first experiments\n",
        _INTRODUCTION,
        f"{_audio_of(FINDINGS)} {_audio_of(MEASURED)}\n",
        markdown_table([_row(claim) for claim in found], ("claim", "recipe", "measured")),
        *(_section(claim) for claim in found),
    ]
    return "\n".join(texts)


def _audio_of(folder: Path) -> str:
    """Returns a sentence on the clips that the results of a folder were scored on."""
    scored = [clip for path in folder.glob("*.json") for clip in read_result(path).audio if clip.role == "score"]
    seconds = {clip.name: clip.seconds for clip in scored}  # the same for one clip at several rates
    if not seconds:
        return f"There is no result of `make {folder.name}` yet."
    named = f": {', '.join(sorted(seconds))}" if len(seconds) < 5 else ""
    places = [read_result(path).environment for path in folder.glob("*.json")]
    made = " and ".join(sorted({str(place.commit) for place in places}))
    where = " and ".join(sorted({f"{place.cpu}, executorch {place.executorch}" for place in places}))
    return (
        f"The results of `make {folder.name}` are of up to {len(seconds)} clips, {sum(seconds.values()):.0f} s{named}; "
        f"each row states its frames. They were measured with workbench {made}, {where}."
    )


def _records(claim: Claim) -> list[Result]:
    """Returns the results that a claim rests on: the variants of each recipe, in the order of their names."""
    found = [record for name in claim.get("recipes", ()) for record in _named(name)]
    return found + [record for name in claim.get("measured", ()) for record in _named(name)]


def _named(name: str) -> list[Result]:
    """Returns the results of a recipe or of one of its variants, from the findings or else from the shipped recipes."""
    for folder in (FINDINGS, MEASURED):
        if (
            paths := [folder / f"{name}.json"]
            if (folder / f"{name}.json").is_file()
            else sorted(folder.glob(f"{name}@*.json"))
        ):
            return [read_result(path) for path in paths]
    return []


def _row(claim: Claim) -> dict[str, str]:
    return {
        "claim": f"[{claim['said']}](#{_anchor(claim)})",
        "recipe": ", ".join(f"`{name}`" for name in [*claim.get("recipes", ()), *claim.get("measured", ())]),
        "measured": _conclusion(claim),
    }


def _conclusion(claim: Claim) -> str:
    """Returns every verdict, and the conclusion if the results support it; otherwise, what is missing."""
    records = _records(claim)
    if not records:
        return NOT_YET
    missing = [name for name in claim.get("recipes", ()) if not _named(name)]
    each = "; ".join(f"{record.recipe.name}: {_in_short(record)}" for record in records)
    each += "".join(f"; {name}: {NOT_YET}" for name in missing)
    unmet = next(_unmet(claim), "")
    return f"{escape_markdown(each)}. {f'No conclusion: {escape_markdown(unmet)}.' if unmet else claim['conclusion']}"


def _unmet(claim: Claim) -> Iterator[str]:
    """Yields each verdict, reason or limit that the conclusion requires and the results do not show."""
    for name, required in claim["because"].items():
        found = _named(name)
        if not found:
            yield f"{name} is {NOT_YET}"
        for record, (key, limit) in product(found, required.items()):
            if key == "verdict":
                if record.verdict != limit:
                    yield f"{record.recipe.name} is {record.verdict}, expected {limit}"
            elif key == "reasons":
                yield from (
                    f"{record.recipe.name} does not give the reason: {text}"
                    for text in limit
                    if not any(text in reason for reason in record.reasons)
                )
            else:
                (gate,) = gates_of({key: limit})
                value, why = metric_value(key, record)
                if value is None or not gate.allows(value):
                    yield f"{key} of {record.recipe.name} is {why if value is None else value}, expected {gate}"


def _in_short(record: Result) -> str:
    pitch = record.deviation.pitch if record.deviation else None
    if pitch is None or pitch.p95_cents is None:
        lowered = (
            "no program" if record.program is None else "lowered, not run here" if record.not_run_here else "no pitch"
        )
        return f"{record.verdict} ({lowered})"
    return f"{record.verdict}, pitch p95 {pitch.p95_cents:.4f} cents"


def _section(claim: Claim) -> str:
    """Returns the section of a claim: what was done, the figures and reasons of every result, and its picture."""
    records = _records(claim)
    lines = [f"## {claim['said']}\n", f"{claim['does']}\n"]
    shown = [*records, *(record for name in claim.get("beside", ()) for record in _named(name))]
    if not records:
        lines.append(f"{NOT_YET.capitalize()}.\n")
    else:
        cells = _backend_cells if claim.get("backends") else _cells
        lines.append(markdown_table([cells(record) for record in shown], _WORDS))
        lines += [
            f"- **{escape_markdown(record.recipe.name)}** {record.verdict}: {escape_markdown(reason)}"
            for record in shown
            for reason in record.reasons
        ]
        lines.append("")
    for picture in _pictures(claim):
        lines.append(f"![{escape_markdown(claim['said'])}]({picture})\n")
    return "\n".join(lines)


def _cells(record: Result) -> dict[str, str]:
    found = result_cells(record)
    return {column: found[column] for column in _COLUMNS}


def _backend_cells(record: Result) -> dict[str, str]:
    """Returns how far a backend's program came, column by column."""
    program = record.program
    runs = sorted({delegate.backend for delegate in program.delegates}) if program else []
    return {
        "variant": record.recipe.name,
        "verdict": record.verdict,
        "lowered": "yes" if program else "no",
        "delegates": f"{len(program.delegates)} × {', '.join(runs)}" if program and runs else DASH,
        "nodes in delegates": format_number(program.delegated_nodes if program else None, "d"),
        "portable": format_number(program.portable_nodes if program else None, "d"),
        "state": program.state if program else DASH,
        "bytes": format_number(program.bytes if program else None, ",d"),
        **{column: result_cells(record)[column] for column in ("pitch p95 (cents)", "jumps / voiced", "p50 (ms)")},
    }


def _pictures(claim: Claim) -> Sequence[str]:
    own = [f"{claim['picture']}.png"] if "picture" in claim else []
    return [f"../pictures/{name}" for name in (*own, *claim.get("pictures", ())) if (PICTURES / name).is_file()]


def _anchor(claim: Claim) -> str:
    """Returns the anchor that the site gives a heading: lower case, without punctuation, hyphens for spaces."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", claim["said"]).strip().lower())
