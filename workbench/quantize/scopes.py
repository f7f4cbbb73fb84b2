"""Checks the rules of a recipe against the layers of the model, and after quantization against the graph."""

import re
from collections.abc import Iterable, Mapping

from torch import nn

from workbench.errors import LoweringError, ModelError
from workbench.model.streaming import StreamingPesto
from workbench.quantize.layers import layers
from workbench.recipe import Quantization
from workbench.recipe.options import WEIGHT_SCHEMES
from workbench.recipe.patterns import rule_for, unused_patterns

_HINTS = {
    "none": "XNNPACK has no dynamic int8 for a convolution of one input channel; use another scheme for it",
    "activation only": "an int8 add comes before a float layer; quantize that layer too, or use residual_add: float",
}


def check_scopes(model: StreamingPesto, rules: Quantization) -> None:
    """Raises ModelError if a rule of the recipe applies to no layer, or to a layer that cannot have its scheme."""
    known = layers(model)
    unused = unused_patterns(rules.parts, known)
    if unused:
        raise ModelError(
            f"quantization.parts: {', '.join(unused)}: matches no layer (unknown name, or overridden by more specific "
            f"rules); known layers: {shortened_names(known)}"
        )
    linears = [name for name, layer in known.items() if isinstance(layer, nn.Linear)]
    refused = [name for name in known if name not in linears and rule_for(rules.parts, name) in WEIGHT_SCHEMES]
    if refused:
        raise ModelError(
            f"quantization.parts: weight-only schemes apply to Linears, not to {', '.join(refused)}; set none "
            f"for them; layers that can: {shortened_names(linears)}"
        )


def shortened_names(names: Iterable[str]) -> str:
    """Returns the names of layers as text. Names that differ only in their last number become one: "a.(0 to 9).b"."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = re.fullmatch(r"(.*\.)(\d+)(\.\D+)?", name)
        before, number, after = (found[1], [found[2]], found[3] or "") if found else (name, [], "")
        numbers.setdefault((before, after), []).extend(number)
    return ", ".join(before + _as_text(found) + after for (before, after), found in numbers.items())


def _as_text(numbers: list[str]) -> str:
    if len(numbers) < 2:
        return "".join(numbers)
    first, last = int(numbers[0]), int(numbers[-1])
    is_range = len(numbers) > 2 and list(map(int, numbers)) == list(range(first, last + 1))
    return f"({first} to {last})" if is_range else f"({', '.join(numbers)})"


def requested_scheme(rules: Quantization, layer: str) -> str:
    """Returns the requested scheme of a layer: static, static-per-tensor, dynamic, one of WEIGHT_SCHEMES, or none."""
    scheme = rule_for(rules.parts, layer)
    if scheme is None:
        return "none"
    return scheme if scheme in WEIGHT_SCHEMES else scheme.removeprefix("int8-")


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
