"""`docs/findings.md`: what the first experiments said, and what the records in docs/findings and docs/measured say."""

import shutil
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from workbench.recipe import gates_of
from workbench.records.metrics import metric_value
from workbench.records.result import Result, read_record
from workbench.report.formatting import DASH, markdown, number, result_cells
from workbench.report.markdown import escaped

ROOT = Path(__file__).parent.parent.parent
FINDINGS = ROOT / "docs" / "findings"
MEASURED = ROOT / "docs" / "measured"
NOT_YET = "not measured yet"
_COLUMNS = (
    "variant",
    "verdict",
    "pitch p95 (cents)",
    "max",
    "voiced / all frames",
    "confidence max",
    "bytes",
    "p50 (ms)",
)

_WORDS = ("variant", "verdict", "lowered", "delegates", "memory")

Claim = dict[str, Any]


def claims() -> list[Claim]:
    """What was said, in order; see docs/findings/claims.yaml."""
    found: list[Claim] = YAML(typ="safe", pure=True).load((FINDINGS / "claims.yaml").read_text())
    return found


def keep(run: Path) -> None:
    """Take the records of a run, and the pictures that claims name, as what the page shows."""
    if not (made := sorted(run.glob("*/result.json"))):
        raise SystemExit(f"{run}: no record in it")
    for old in (*FINDINGS.glob("*.json"), *FINDINGS.glob("*.png")):
        old.unlink()
    for record in made:
        shutil.copyfile(record, FINDINGS / f"{record.parent.name}.json")
    for claim in claims():
        pictures = sorted((run / claim.get("picture", "")).glob("pictures/*.png")) if "picture" in claim else []
        if pictures:
            shutil.copyfile(pictures[0], FINDINGS / f"{claim['picture']}.png")


def page() -> str:
    """The page, of whatever records there are."""
    found = claims()
    texts = [
        "# What the first experiments said, and what was measured\n",
        "Generated from [what was said](findings/claims.yaml) and the records in [findings](findings), made by `make "
        "findings`, and in [measured](measured), by `make measured`. An answer stands only where the figures bear it "
        "out, as the file of what was said has it. A verdict is of the recipe's gates, and some are meant to fail. A "
        "dash is a number that there is not, and the record says why. `p50 (ms)` is eager's call and the program's. "
        f"{_heard(FINDINGS)} {_heard(MEASURED)}\n",
        markdown([_row(claim) for claim in found], ("they said", "recipe", "measured")),
        *(_closer(claim) for claim in found),
    ]
    return "\n".join(texts)


def _heard(folder: Path) -> str:
    """What the records of a folder were scored on."""
    heard = [clip for path in folder.glob("*.json") for clip in read_record(path).audio if clip.role == "score"]
    seconds = {clip.name: clip.seconds for clip in heard}  # of one clip at several rates, the same
    if not seconds:
        return f"There is none in {folder.name} yet."
    named = f": {', '.join(sorted(seconds))}" if len(seconds) < 5 else ""
    places = [read_record(path).environment for path in folder.glob("*.json")]
    made = " and ".join(sorted({str(place.commit) for place in places}))
    where = " and ".join(sorted({f"{place.cpu}, executorch {place.executorch}" for place in places}))
    return (
        f"Those in {folder.name} are of {len(seconds)} clips, {sum(seconds.values()):.0f} s{named}, or of as many of "
        f"them as the frames in a row say; workbench {made}, {where}."
    )


def _records(claim: Claim) -> list[Result]:
    """The records that answer a claim: of each recipe its variants, in the order of their names."""
    found = [record for name in claim.get("recipes", ()) for record in _named(name)]
    return found + [record for name in claim.get("measured", ()) for record in _named(name)]


def _named(name: str) -> list[Result]:
    """Records of a recipe, or of one of its variants, from the findings, or else from the shipped recipes."""
    for folder in (FINDINGS, MEASURED):
        if (
            paths := [folder / f"{name}.json"]
            if (folder / f"{name}.json").is_file()
            else sorted(folder.glob(f"{name}@*.json"))
        ):
            return [read_record(path) for path in paths]
    return []


def _row(claim: Claim) -> dict[str, str]:
    return {
        "they said": f"[{claim['said']}](#{_anchor(claim)})",
        "recipe": ", ".join(map(_link, [*claim.get("recipes", ()), *claim.get("measured", ())])),
        "measured": _answer(claim),
    }


def _answer(claim: Claim) -> str:
    """Every verdict, and the claim's answer where the records bear it out; else, what they lack for it."""
    records = _records(claim)
    if not records:
        return NOT_YET
    missing = [name for name in claim.get("recipes", ()) if not _named(name)]
    each = "; ".join(f"{record.recipe.name}: {_in_short(record)}" for record in records)
    each += "".join(f"; {name}: {NOT_YET}" for name in missing)
    unmet = next(_unmet(claim), "")
    return f"{escaped(each)}. {f'No answer: {escaped(unmet)}.' if unmet else claim['answer']}"


def _unmet(claim: Claim) -> Iterator[str]:
    """What the answer rests on and the records do not show: verdicts, reasons, and figures held to limits."""
    for name, wanted in claim["because"].items():
        found = _named(name)
        if not found:
            yield f"{name} is {NOT_YET}"
        for record, (key, limit) in product(found, wanted.items()):
            if key == "verdict":
                if record.verdict != limit:
                    yield f"{record.recipe.name} is {record.verdict}, the answer wants {limit}"
            elif key == "reasons":
                yield from (
                    f"{record.recipe.name} does not tell that {what}"
                    for what in limit
                    if not any(what in reason for reason in record.reasons)
                )
            else:
                (gate,) = gates_of({key: limit})
                value, why = metric_value(key, record)
                if value is None or not gate.allows(value):
                    yield f"{key} of {record.recipe.name} is {why if value is None else value}, the answer wants {gate}"


def _in_short(record: Result) -> str:
    pitch = record.deviation.pitch if record.deviation else None
    if pitch is None or pitch.p95_cents is None:
        lowered = (
            "no program" if record.program is None else "lowered, not run here" if record.not_run_here else "no pitch"
        )
        return f"{record.verdict} ({lowered})"
    return f"{record.verdict}, pitch p95 {pitch.p95_cents:.4f} cents"


def _closer(claim: Claim) -> str:
    """The section of a claim: what was done, every record's figures and reasons, and its picture."""
    records = _records(claim)
    lines = [f"## {claim['said']}\n", f"{claim['does']}\n"]
    shown = [*records, *(record for name in claim.get("beside", ()) for record in _named(name))]
    if not records:
        lines.append(f"{NOT_YET.capitalize()}.\n")
    else:
        told = _backend_cells if claim.get("backends") else _cells
        lines.append(markdown([told(record) for record in shown], _WORDS))
        lines += [
            f"- **{escaped(record.recipe.name)}** {record.verdict}: {escaped(reason)}"
            for record in shown
            for reason in record.reasons
        ]
        lines.append("")
    for picture in _pictures(claim):
        lines.append(f"![{escaped(claim['said'])}]({picture})\n")
    return "\n".join(lines)


def _cells(record: Result) -> dict[str, str]:
    found = result_cells(record)
    return {column: found[column] for column in _COLUMNS}


def _backend_cells(record: Result) -> dict[str, str]:
    """What became of a backend's program."""
    program = record.program
    runs = sorted({delegate.backend for delegate in program.delegates}) if program else []
    return {
        "variant": record.recipe.name,
        "verdict": record.verdict,
        "lowered": "yes" if program else "no",
        "delegates": f"{len(program.delegates)} × {', '.join(runs)}" if program and runs else DASH,
        "nodes in delegates": number(program.delegated_nodes if program else None, "d"),
        "portable": number(program.portable_nodes if program else None, "d"),
        "memory": program.state if program else DASH,
        "bytes": number(program.bytes if program else None, ",d"),
        **{column: result_cells(record)[column] for column in ("pitch p95 (cents)", "voiced / all frames", "p50 (ms)")},
    }


def _pictures(claim: Claim) -> Sequence[str]:
    own = [f"findings/{claim['picture']}.png"] if "picture" in claim else []
    return [picture for picture in (*own, *claim.get("pictures", ())) if (ROOT / "docs" / picture).is_file()]


def _link(name: str) -> str:
    recipe = name.split("@")[0]
    for folder in ("recipes/findings", "recipes"):
        if (ROOT / folder / f"{recipe}.yaml").is_file():
            return f"[{escaped(name)}](../{folder}/{recipe}.yaml)"
    return escaped(name)


def _anchor(claim: Claim) -> str:
    """As GitHub makes a heading's: lower case, punctuation gone, spaces as hyphens."""
    kept = "".join(letter for letter in claim["said"].lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")
