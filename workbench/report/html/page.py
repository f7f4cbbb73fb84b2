"""`report.html`: one page that holds everything, written from the results and from what lies beside them.

It opens from disk and requests nothing from the network: styles, scripts, figures, contours and sound are in it.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audit.choice.order import display_order
from workbench.audit.clock import common_clock
from workbench.records.run_folders import StoredResult, unique_names
from workbench.report.columns import columns_with_values
from workbench.report.html.contours import Baselines
from workbench.report.html.latency import latency_chart
from workbench.report.html.overview import (
    clips_used,
    deviation_chart,
    facts,
    figure,
    first_contour,
    front_indices,
    provenance_line,
    recipes_line,
)
from workbench.report.html.variant import Sounds, variant_view
from workbench.report.markdown import report_md
from workbench.report.summary import cautions, misfit_lines, sentence
from workbench.storage.atomic import write_atomic

PAGE_NAME = "report.html"
_STYLES, _SCRIPTS = ("report.css", "charts.css"), ("svg.js", "pareto.js", "contour.js", "page.js")


def write_report(results: Sequence[StoredResult], page: Path, catalog: ClipCatalog | None = None) -> None:
    """Writes the page, and `report.md` beside it under the same stem.

    The variants are ordered by verdict, then as `pick` ranks them.

    Args:
        results: At least one.
        page: The path of the page.
        catalog: Clips to cut the sound of a moment from if a run kept none.

    Raises:
        WorkbenchError: Frames or a profile beside a result cannot be read.
    """
    results = [results[index] for index in display_order([stored.result for stored in results])]
    write_atomic(page, report_html(results, catalog).encode())
    write_atomic(page.with_suffix(".md"), report_md(results, unique_names(results), page).encode())


def report_html(results: Sequence[StoredResult], catalog: ClipCatalog | None = None) -> str:
    """Returns the page as text; see `write_report`."""
    names, baselines, sounds = unique_names(results), Baselines(), Sounds()
    columns = columns_with_values([stored.result for stored in results])
    clock = common_clock({name: stored.result for name, stored in zip(names, results, strict=True)})
    variants = [
        variant_view(stored, name, baselines, sounds, catalog, columns)
        for stored, name in zip(results, names, strict=True)
    ]
    environment = environment_of_pages()
    return environment.get_template("report.html").render(
        recipes=recipes_line(results),
        first=first_contour(variants),
        sentence=sentence(results, names),
        cautions=cautions(results),
        misfits=misfit_lines(stored.result for stored in results),
        provenance=provenance_line(results),
        facts=facts(results),
        clips=clips_used(results),
        variants=variants,
        columns=["variant", "verdict", *(column.title for column in columns)],
        distribution=deviation_chart(variants),
        latency=latency_chart(variants),
        clock=clock,
        styles=[_source(environment, name) for name in _STYLES],
        scripts=[_source(environment, name) for name in _SCRIPTS],
        data={
            "variants": [variant.chart_data(clock.clock) for variant in variants],
            "clock": clock.clock,
            "front": front_indices(variants),
            "baselines": {key: asdict(frames) for key, frames in baselines.items()},
            "sounds": sounds,
        },
    )


def environment_of_pages() -> Environment:
    """Returns the environment of the templates of all pages."""
    environment = Environment(
        loader=PackageLoader("workbench.report.html"),
        autoescape=True,  # names come from files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "breakable": breakable}
    return environment


def _source(environment: Environment, name: str) -> Markup:
    """The text of a style or a script; it is no template."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def breakable(name: str) -> Markup:
    """Returns a name whose lines may break after its separators."""
    return Markup("<wbr>").join(re.split(r"(?<=[@,/_-])", name))
