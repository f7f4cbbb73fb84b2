"""`report.html`: one page that holds everything, made from the records and from what lies beside them.

It opens from disk and asks the network for nothing: styles, scripts, figures, contours and sound are in it.
"""

import math
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.audio.corpus import Corpus
from workbench.audit.pareto import Point, pareto_front
from workbench.records.run_folders import StoredResult, unique_names
from workbench.report.formatting import DASH
from workbench.report.html.axis import LogAxis, log_axis
from workbench.report.html.contours import BINS_PER_DECADE, DECADES, LOWEST_CENTS, Baselines
from workbench.report.html.variant import Sounds, variant_view
from workbench.report.markdown import report_md
from workbench.report.summary import cautions, sentence
from workbench.storage.atomic import write_atomic

PAGE_NAME = "report.html"
_SIDES = ("baseline", "variant")
_STYLES, _SCRIPTS = ("report.css", "charts.css"), ("svg.js", "pareto.js", "contour.js", "page.js")


def write_report(kept: Sequence[StoredResult], page: Path, corpus: Corpus | None = None) -> None:
    """Store the page at `page`, and `report.md`, named like it, beside it.

    Where a run kept no sound of a moment, it is looked for in `corpus`. Raises WorkbenchError where frames or a
    profile beside a record cannot be read. Needs at least one record.
    """
    write_atomic(page, report_html(kept, corpus).encode())
    write_atomic(page.with_suffix(".md"), report_md(kept, unique_names(kept), page).encode())


def report_html(kept: Sequence[StoredResult], corpus: Corpus | None = None) -> str:
    """The page as text; see `write_report`."""
    names, baselines, sounds = unique_names(kept), Baselines(), Sounds()
    variants = [variant_view(one, name, baselines, sounds, corpus) for one, name in zip(kept, names, strict=True)]
    loader = PackageLoader("workbench.report.html")
    environment = Environment(
        loader=loader,
        autoescape=True,  # names come from files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    environment.filters |= {"figure": figure, "breakable": breakable}

    def plain(name: str) -> Markup:
        """A style or script as it is: the project's own text, not a template."""
        return Markup(loader.get_source(environment, name)[0])

    return environment.get_template("report.html").render(
        runs=sorted({one.run for one in kept}),
        sentence=sentence(kept, names),
        cautions=cautions(kept),
        made=_provenance_line(kept),
        facts=_facts(kept),
        clips=_clips(kept),
        variants=variants,
        columns=list(variants[0]["cells"]),
        distribution=_distribution(variants),
        latency=_latency(variants),
        styles=[plain(name) for name in _STYLES],
        scripts=[plain(name) for name in _SCRIPTS],
        data={
            "variants": variants,
            "front": _front(variants),
            "baselines": baselines,
            "sounds": sounds,
        },
    )


def _front(variants: Sequence[dict[str, Any]]) -> list[int]:
    """Which of those that pass no other beats in bytes and deviation, the two axes of the chart; by bytes."""
    points = {
        str(at): Point(str(at), one["p95_cents"], one["bytes"])
        for at, one in enumerate(variants)
        if one["verdict"] == "pass" and one["bytes"] and one["p95_cents"] is not None
    }
    return [
        int(point.name) for point in sorted(pareto_front(list(points.values())).points, key=lambda point: point.bytes)
    ]


def _provenance_line(kept: Sequence[StoredResult]) -> str:
    """Date, machine, versions and audio in a line; the first of each where there are several."""
    record = kept[0].record
    place = record.environment
    heard = [[clip.seconds for clip in one.record.audio if clip.role == "score"] for one in kept]
    audio = sorted({f"{len(seconds)} clip{'s' * (len(seconds) != 1)}, {sum(seconds):.0f} s" for seconds in heard})
    days = sorted({one.record.created[:10] for one in kept})
    return " · ".join(
        [
            days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
            f"{place.cpu}, {place.cores} cores, {place.threads} thread{'s' * (place.threads != 1)}",
            f"ExecuTorch {place.executorch}, torch {place.torch}, PESTO {place.pesto}",
            f"{' or '.join(audio)} scored",
        ]
    )


def _facts(kept: Sequence[StoredResult]) -> list[tuple[str, list[str]]]:
    """When, where and with what, each with all values that there are among the records."""

    def among(values: Sequence[object]) -> list[str]:
        return sorted({str(value) for value in values})

    places = [one.record.environment for one in kept]
    return [
        ("Run", among([one.run for one in kept])),
        ("Measured (UTC)", among([one.record.created[:16].replace("T", " ") for one in kept])),
        ("Machine", among([f"{place.cpu}, {place.cores} cores" for place in places])),
        ("Threads when timed", among([place.threads for place in places])),
        ("System", among([f"{place.platform}, Python {place.python}" for place in places])),
        ("torch", among([place.torch for place in places])),
        ("ExecuTorch", among([place.executorch for place in places])),
        ("torchao", among([place.torchao for place in places])),
        ("PESTO", among([place.pesto for place in places])),
        ("workbench", among([f"{place.workbench}, commit {place.commit or 'not known'}" for place in places])),
        ("Page made with workbench", [version("pesto-workbench")]),
    ]


def _clips(kept: Sequence[StoredResult]) -> list[dict[str, Any]]:
    """Every clip that any record used, once."""
    found = {
        (clip.name, clip.role, clip.sha256): {
            "name": clip.name,
            "role": "scored" if clip.role == "score" else "calibrates int8",
            "seconds": clip.seconds,
            "sha256": clip.sha256,
        }
        for one in kept
        for clip in one.record.audio
    }
    return list(found.values())


def _distribution(variants: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A row for each variant: how many voiced frames are how far off, on one axis. Heights are logarithmic, so that
    one frame in thousands can be seen."""
    axis = LogAxis(LOWEST_CENTS, LOWEST_CENTS * 10.0**DECADES)

    def bar(count: int, frames: int) -> float:
        return 0.0 if not count else 14 + 86 * math.log(count) / math.log(max(frames, 2))

    rows = []
    for one in variants:
        counts, figures = one["histogram"], {"p95": one["p95_cents"], "max": one["max_cents"]}
        rows.append(
            {
                "name": one["name"],
                "verdict": one["verdict"],
                "fair": one["fair"],
                "bars": [bar(count, counts["frames"]) for count in counts["counts"]] if counts else [],
                "marks": {what: axis.at(value) for what, value in figures.items() if value is not None},
                "text": _deviation_label(one),
                "reason": "" if counts else one["without_frames"] or "No frame is voiced.",
            }
        )
    width = 100 / (DECADES * BINS_PER_DECADE)
    return {"rows": rows, "ticks": axis.ticks(), "bin_width": width}


def _deviation_label(one: dict[str, Any]) -> str:
    if one["p95_cents"] is None:
        return ""
    equal = one["histogram"] and one["histogram"]["equal"] / one["histogram"]["frames"]
    tail = "; frames not kept" if equal is None else f", {equal:.0%} equal"
    return f"p95 {figure(one['p95_cents'], 3)}, max {figure(one['max_cents'], 4)}{tail}"


def _latency(variants: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A row for each variant that was timed: both sides from median to slowest call, on one axis."""
    timed = [one for one in variants if one["speed"]]
    axis = log_axis(
        value
        for one in timed
        for value in (one["speed"]["chunk_ms"], *(ms for side in _SIDES for ms in one["speed"][side].values() if ms))
    )
    rows = [
        {
            "name": one["name"],
            "verdict": one["verdict"],
            "fair": one["fair"],
            "chunk": axis.at(one["speed"]["chunk_ms"]),
            "chunk_ms": one["speed"]["chunk_ms"],
            "missed": one["speed"]["deadline_miss_rate"],
            "sides": [
                {
                    "side": side,
                    **{what: axis.at(one["speed"][side][f"{what}_ms"]) for what in ("p50", "p95", "p99", "max")},
                    "ms": one["speed"][side],
                }
                for side in _SIDES
            ],
            "calls": one["speed"]["rounds"] * one["speed"]["chunks_per_round"],
            "rounds": one["speed"]["rounds"],
            "threads": one["speed"]["threads"],
        }
        for one in timed
    ]
    return {"rows": rows, "ticks": axis.ticks()}


def figure(value: float | None, digits: int) -> str:
    """A number with so many digits, more where it is whole and large; a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:,.0f}" if abs(value) >= 10**digits or abs(value) >= 1000 else f"{value:.{digits}g}"
    return text.replace("-", "−") if "e" not in text else text


def breakable(name: str) -> Markup:
    """A name whose lines may break after its separators."""
    return Markup("<wbr>").join(re.split(r"(?<=[@,/_-])", name))
