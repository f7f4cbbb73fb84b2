"""A recipe at a glance, before anything is run: what it is good for, and the stored result of each of its variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import Recipe, from_resolved, shipped_names, shipped_records
from workbench.records.result import Result, read_result

PURPOSES = {
    "dynamic": "calls of 1 to 32 frames, in any order",
    "explicit-state": "the app keeps the state, for example to pause a stream",
    "float-band": "the smallest float program; it leaves out high frequencies of the wide layers",
    "float-low-rank": "float with a front end of two stages, where float-xnnpack has three",
    "float-rates": "the reference at other sample rates, and at both ends of the latency",
    "float-upstream": "upstream's own layers, to see what the others gain",
    "float-xnnpack": "the reference: nothing changes but float rounding",
    "int8-dynamic": "the whole encoder in int8, without fixed ranges",
    "int8-fast": "the fastest with PESTO's own network, and as accurate as int8-mixed; larger",
    "int8-fast-16k": "int8-fast for audio at 16 kHz",
    "int8-fast-44k1-256": "int8-fast for a phone's calls of 256 samples at 44.1 kHz",
    "int8-mixed": "the best trade-off of size and accuracy",
    "int8-naive": "int8 everywhere, to see that it fails",
    "int8-small": "the smallest with PESTO's own network, within 1 cent of it; slower",
    "int8-small-16k": "int8-small for audio at 16 kHz",
    "int8-small-44k1-256": "int8-small for a phone's calls of 256 samples at 44.1 kHz",
    "int8-static": "static int8, with fixed ranges: less accurate than int8-mixed",
    "int8-streams": "four voices in one call",
    "int8-what-helps": "a study: what each technique of static int8 is worth",
    "student-float": "a student of PESTO's network in float: fast; it deviates more than that network's recipes",
    "student-int8": "the smallest: a student of PESTO's network, which deviates more than that network's recipes",
    "student-int8-static": "a student whose activations are int8 too: larger than student-int8, and it deviates more",
    "unfair": "a wrong comparison, to see what it looks like; it fails",
}
"""What each shipped recipe is good for, on one line, for those who choose one."""

_NOT_MEASURED_KEYS = ("description", "gates")  # they change no figure


@dataclass(frozen=True)
class MeasuredVariant:
    """A variant and its stored result. Without a result, `reason` says why there is none."""

    recipe: Recipe
    result: Result | None
    reason: str = ""

    def figures(self) -> dict[str, Any]:
        """Returns the figures that decide, as plain values: null with the reason if they were not measured."""
        result = self.result
        deviation, speed = (result.deviation, result.speed) if result else (None, None)
        native = speed.native if speed else None
        return {
            "bytes": result.program.bytes if result and result.program else None,
            "pitch_p95_cents": deviation.pitch.p95_cents if deviation else None,
            "speedup_p50": speed.speedup_p50 if speed else None,
            "native_p50_us": native.p50_us if native else None,
            "native_speedup_p50": native.speedup_p50 if native else None,
            "verdict": result.verdict if result else None,
            "created": result.created if result else None,
            "cpu": result.environment.cpu if result else None,
            "reason": self.missing(),
        }

    def missing(self) -> str:
        """Returns why a figure is missing; "" if all are there."""
        result = self.result
        if result is None:
            return self.reason
        return next((reason for reason in result.null_reasons.values() if reason), "")


@dataclass(frozen=True)
class RecipeSummary:
    """A recipe with its variants, in order; one variant without a matrix."""

    name: str
    good_for: str
    variants: tuple[MeasuredVariant, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the matrix."""
        _, _, suffix = self.variants[0].recipe.name.partition("@")
        return tuple(label.partition("=")[0] for label in suffix.split(",")) if suffix else ()


def summarize_recipes(variants: Sequence[Recipe]) -> list[RecipeSummary]:
    """Returns the recipes of these variants, in their order, with the stored results of shipped ones."""
    by_source: dict[Path, list[Recipe]] = {}
    for recipe in variants:
        by_source.setdefault(recipe.source, []).append(recipe)
    return [_summary(source, recipes) for source, recipes in by_source.items()]


def _summary(source: Path, recipes: Sequence[Recipe]) -> RecipeSummary:
    name = recipes[0].name.partition("@")[0]
    is_shipped = source.as_posix() in shipped_names()
    good_for = PURPOSES.get(source.as_posix()) if is_shipped else None
    measured = [_measured(recipe) if is_shipped else _without(recipe, "not a shipped recipe") for recipe in recipes]
    return RecipeSummary(name, good_for or recipes[0].description, tuple(measured))


def _without(recipe: Recipe, reason: str) -> MeasuredVariant:
    return MeasuredVariant(recipe, None, f"no stored result: {reason}")


def _measured(recipe: Recipe) -> MeasuredVariant:
    path = shipped_records() / f"{recipe.name}.json"
    if not path.is_file():
        return _without(recipe, "not measured yet")
    result = read_result(path)
    if not _same_figures(recipe, result):
        return _without(recipe, "the recipe changed since it was measured")
    return MeasuredVariant(recipe, result)


def _same_figures(recipe: Recipe, result: Result) -> bool:
    """Whether a result is of these keys, apart from keys that change no figure."""
    try:
        stored = from_resolved(recipe.name, recipe.source, result.recipe.resolved)
    except RecipeError:
        return False
    one, other = (
        {key: value for key, value in each.resolved().items() if key not in _NOT_MEASURED_KEYS}
        for each in (recipe, stored)
    )
    return one == other
