"""Checks the rules of a recipe: before quantization against the layers of the model, and after it on the graph."""

from collections.abc import Mapping

from workbench.errors import LoweringError, ModelError
from workbench.model.streaming import StreamingPesto
from workbench.quantize.layers import layers
from workbench.recipe import Quantization
from workbench.recipe.patterns import rule_for, unused_patterns

_HINTS = {
    "none": "XNNPACK has no dynamic int8 for a convolution of one input channel; use another scheme for it",
    "activation only": "an int8 add comes before a float layer; quantize that layer too, or use residual_add: float",
}


def check_scopes(model: StreamingPesto, rules: Quantization) -> None:
    """Raises ModelError if a rule of the recipe applies to no layer of the model."""
    unused = unused_patterns(rules.parts, layers(model))
    if unused:
        raise ModelError(
            f"quantization.parts: {', '.join(unused)}: matches no layer (unknown name, or overridden by more specific "
            f"rules); known layers: {', '.join(layers(model))}"
        )


def requested_scheme(rules: Quantization, layer: str) -> str:
    """Returns the scheme that the rules give a layer: static, static-per-tensor, dynamic or none."""
    scheme = rule_for(rules.parts, layer)
    return "none" if scheme is None else scheme.removeprefix("int8-")


def check_schemes(schemes: Mapping[str, str], rules: Quantization, hints: Mapping[str, str] = _HINTS) -> None:
    """Raises LoweringError if a layer did not get the scheme of its rule.

    Args:
        schemes: Layer -> scheme in the quantized graph.
        rules: The recipe's.
        hints: Scheme in the graph -> a likely reason why a layer has it instead of the scheme of its rule.
    """
    wrong = {layer: found for layer, found in schemes.items() if found != requested_scheme(rules, layer)}
    if wrong:
        differences = [
            f"{layer} is {found}, expected {requested_scheme(rules, layer)}" for layer, found in wrong.items()
        ]
        reasons = "; ".join(sorted({hints[found] for found in wrong.values() if found in hints}))
        suffix = f" ({reasons})" if reasons else ""
        raise LoweringError(f"quantization does not match the recipe: {'; '.join(differences)}{suffix}")
