"""The steps that docs/results/programs.md shows."""

from pathlib import Path

from tools.docs.steps.studies import planned_steps
from workbench.audio.clip_catalog import ClipCatalog
from workbench.workflows.load_recipes import load_variant

CATALOG = ClipCatalog(Path(__file__).parent.parent.parent / "calib_audio")


def test_the_last_step_together_has_the_keys_of_int8_small() -> None:
    last = [step.recipe for step in planned_steps(CATALOG) if step.study == "together"][-1]
    small = load_variant("int8-small", CATALOG)
    assert last.model_copy(update={"name": small.name, "description": small.description}).resolved() == {
        **small.resolved(),
        "gates": last.resolved()["gates"],
    }
