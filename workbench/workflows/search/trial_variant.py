"""The variants of a space: that of a trial, the exact one that trials are compared with, and their excerpts."""

from dataclasses import replace
from typing import Any

from workbench.audio.decode import Clip
from workbench.errors import RecipeError, did_you_mean
from workbench.export.backends import file_name_for
from workbench.export.program_file import format_of
from workbench.quantize.layers import layers
from workbench.quantize.scopes import check_scopes
from workbench.recipe import Recipe, from_resolved
from workbench.recipe.patterns import unused_patterns
from workbench.workflows.search.space import Choices, Space
from workbench.workflows.sensitivity.changes import without_quantization
from workbench.workflows.variant.prepare import PreparedVariant, prepare


def variant_of(space: Space, choices: Choices) -> PreparedVariant:
    """Returns the variant of a trial. A pattern that matches no layer of its model is left out.

    Raises RecipeError or ModelError if the choices do not fit together.
    """
    recipe = space.recipe(choices)
    prepared = prepare(without_quantization(recipe))
    resolved = recipe.resolved()
    parts: dict[str, Any] = resolved["quantization"]["parts"]
    unused = unused_patterns(parts, layers(prepared.model))
    resolved["quantization"]["parts"] = {pattern: parts[pattern] for pattern in parts if pattern not in unused}
    recipe = from_resolved(recipe.name, recipe.source, resolved)
    check_scopes(prepared.model, recipe.quantization)
    return replace(prepared, recipe=recipe)


def check_space(space: Space) -> None:
    """Raises RecipeError if a pattern matches no layer of the base recipe, or if its programs cannot be timed."""
    backend = space.base.lowering.backend
    if space.needs_times and format_of(file_name_for(backend)) != "pte":
        problem = f"expected a backend of ExecuTorch to time trials in the native host, got {backend}"
        raise RecipeError([f"{space.path}: base: {space.base.name}: lowering.backend: {problem}"])
    known = layers(prepare(space.base).model)
    words = [name.split(".") for name in known]
    parts = dict.fromkeys(".".join(name[:count]) for name in words for count in range(1, len(name) + 1))
    largest = dict.fromkeys(".".join(name[:2]) for name in words)
    problems = []
    for pattern in space.model.layers:
        if unused_patterns([pattern], known):
            near = did_you_mean(pattern, parts) or f"; its parts: {', '.join(largest)}"
            problems.append(f"{space.path}: layers.{pattern}: matches no layer of {space.base.name}{near}")
    if problems:
        raise RecipeError(problems)


def exact_recipe(recipe: Recipe) -> Recipe:
    """Returns the recipe of the stream that equals upstream's to float rounding."""
    resolved = without_quantization(recipe).resolved()
    del resolved["frontend_tolerance"]
    resolved["frontend"], resolved["lowering"]["prefilter_band"] = "grouped", 1.0
    return from_resolved(recipe.name, recipe.source, resolved)


def excerpts(variant: PreparedVariant, seconds: float) -> tuple[Clip, ...]:
    """Returns the middle of each calibration clip, `seconds` of audio together.

    They have no known f0, which counts from the start of a clip: frames are voiced by the confidence.
    """
    clips = variant.calibration_clips
    count = max(1, round(seconds / len(clips) * variant.stream.sample_rate_hz))
    starts = [max(0, (len(clip.samples) - count) // 2) for clip in clips]
    return tuple(
        replace(clip, samples=clip.samples[start : start + count], f0=None)
        for clip, start in zip(clips, starts, strict=True)
    )
