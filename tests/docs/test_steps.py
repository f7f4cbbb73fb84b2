"""The steps that docs/results/programs.md shows."""

from dataclasses import replace
from pathlib import Path

from tools.docs.searches import SEARCHES
from tools.docs.steps.studies import planned_steps
from workbench.audio.clip_catalog import ClipCatalog
from workbench.records.search.trials import SEARCH_NAME, Search
from workbench.workflows.search.space import load_space

ROOT = Path(__file__).parent.parent.parent
CATALOG = ClipCatalog(ROOT / "calib_audio")


def test_the_search_of_int8_small_began_where_the_steps_together_end() -> None:
    last = [step.recipe for step in planned_steps(CATALOG) if step.study == "together"][-1]
    space = load_space(ROOT / "recipes" / "search" / "int8-small.yaml", CATALOG)
    searched = Search.model_validate_json((SEARCHES / space.name / SEARCH_NAME).read_bytes())
    assert replace(space, base=last).base_choices() == searched.trials[0].parameters
