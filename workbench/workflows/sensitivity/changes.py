"""The single changes that a recipe can have: a scheme of one layer, or another value of one approximation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from torch import nn

from workbench.errors import ModelError, RecipeError
from workbench.model.streaming import StreamingPesto
from workbench.quantize.layers import layers
from workbench.quantize.scopes import check_scopes
from workbench.recipe import Recipe, from_resolved
from workbench.recipe.files import merge
from workbench.recipe.options import (
    APPROXIMATE_FRONTENDS,
    DEFAULT_FRONTEND_TOLERANCE,
    DYNAMIC_SCHEMES,
    Scheme,
    ToeplitzBlock,
)

TOLERANCES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
BANDS = (0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Change:
    """One change of a float recipe.

    Attributes:
        kind: Whether a layer or a key changes.
        target: The layer or the key.
        choice: The scheme or the value.
        keys: The recipe keys that it sets, nested.
        without: The keys of the exact stream that it is compared with.
        part: The part of the model whose weights it changes.
    """

    kind: Literal["layer", "key"]
    target: str
    choice: str
    keys: Mapping[str, Any]
    without: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""


def with_keys(recipe: Recipe, keys: Mapping[str, Any]) -> Recipe:
    """Returns the recipe with some nested keys replaced. Raises RecipeError if that is no valid recipe."""
    return from_resolved(recipe.name, recipe.source, merge([recipe.resolved(), keys]))


def without_quantization(recipe: Recipe) -> Recipe:
    """Returns the recipe in float."""
    resolved = recipe.resolved()
    settings = {key: value for key, value in resolved["quantization"].items() if key not in ("parts", "everywhere")}
    for name in ("equalize", "correct_bias"):  # they act on a whole part, not on one layer
        settings.pop(name)
    return from_resolved(recipe.name, recipe.source, {**resolved, "quantization": settings})


def changes_of(recipe: Recipe, model: StreamingPesto) -> Iterator[Change]:
    """Yields every change of a float recipe, layer by layer and then key by key.

    Args:
        recipe: In float.
        model: Its stream.
    """
    for name, layer in layers(model).items():
        for scheme in schemes_of(recipe, model, name, layer):
            rules = {"quantization": {"parts": {name: scheme}}}
            yield Change("layer", name, scheme, rules, part=name.split(".")[0])
    lowering = recipe.lowering
    if recipe.frontend in APPROXIMATE_FRONTENDS:
        for tolerance in TOLERANCES:
            yield Change(
                "key",
                "frontend_tolerance",
                f"{tolerance:g}",
                keys={"frontend_tolerance": tolerance},
                without={"frontend": "grouped", "frontend_tolerance": DEFAULT_FRONTEND_TOLERANCE},
                part="frontend",
            )
    if lowering.prefilter != "conv":
        for band in BANDS:
            yield Change(
                "key",
                "lowering.prefilter_band",
                f"{band:g}",
                keys={"lowering": {"prefilter_band": band}},
                without={"lowering": {"prefilter_band": 1.0}},
                part="encoder",
            )
    if lowering.toeplitz == "block":
        for block in get_args(ToeplitzBlock):
            keys = {"lowering": {"toeplitz_block": block}}
            yield Change("key", "lowering.toeplitz_block", str(block), keys, part="encoder")


def schemes_of(recipe: Recipe, model: StreamingPesto, name: str, layer: nn.Module) -> list[Scheme]:
    """Returns the schemes that a layer can have; `none`, which is float, comes first."""
    found: list[Scheme] = []
    for scheme in get_args(Scheme):
        if scheme in DYNAMIC_SCHEMES and isinstance(layer, nn.Conv2d) and layer.in_channels == 1:
            continue  # XNNPACK has no dynamic int8 for a convolution of one input channel
        try:
            changed = with_keys(recipe, {"quantization": {"parts": {name: scheme}}})
            check_scopes(model, changed.quantization)
        except (RecipeError, ModelError):
            continue
        found.append(scheme)
    return found
