"""`search.html`: one page about a search. It opens from disk and requests nothing from the network."""

import base64

from workbench.records.search.trials import Search
from workbench.report.html.page import environment_of_pages
from workbench.report.plots.search import search_png, values_of
from workbench.report.tables.search.trials import final_rows, score_row, title

_LIMITS = "deviation.pitch.p95_cents"


def search_html(search: Search) -> str:
    """Returns the page as text: why the winner won, both scores, history, front, importance, and all trials."""
    columns = tuple(dict.fromkeys((*search.metrics, *search.constraints, _LIMITS)))
    scores = []
    if search.search is not None:
        both = search.search
        scores = [score_row("calibration", both.calibration), score_row("scoring", both.scoring)]
    won = next((trial.parameters for trial in search.trials if trial.number == search.winner), {})
    return (
        environment_of_pages()
        .get_template("search.html")
        .render(
            search=search,
            title=title(search),
            scores=scores,
            final=final_rows(search),
            won=won,
            columns=columns,
            rows=[(trial, values_of(trial, columns)) for trial in search.trials],
            picture=base64.b64encode(search_png(search)).decode(),
        )
    )
