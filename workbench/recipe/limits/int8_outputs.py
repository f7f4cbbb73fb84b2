"""Finds an int8 leaky ReLU or add whose output a float layer reads: such a program cannot be lowered.

The layers are those of the packaged checkpoint. Those of another one are checked when it is quantized.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.recipe.options import DYNAMIC_SCHEMES
from workbench.recipe.patterns import rule_for

if TYPE_CHECKING:
    from workbench.recipe.lowering_section import Lowering
    from workbench.recipe.sections import Quantization


class _Output(NamedTuple):
    """An operator that `key` puts in int8 if the rule for `source` is static, and the layer that reads its output."""

    key: Literal["leaky_relu", "residual_add"]
    source: str
    reader: str
    only_conv: bool = False  # the frequency domain has other operators in between


_OUTPUTS = (
    _Output("leaky_relu", "encoder.first.1", "encoder.prefilter.0.0", only_conv=True),
    _Output("residual_add", "encoder.prefilter.0.1", "encoder.prefilter.1.0", only_conv=True),
    _Output("residual_add", "encoder.prefilter.1.1", "encoder.narrow.0", only_conv=True),
    *(_Output("leaky_relu", f"encoder.narrow.{n}", f"encoder.narrow.{n + 1}") for n in (1, 3, 5)),
)


def int8_output_conflicts(quantization: "Quantization", lowering: "Lowering") -> Iterator[str]:
    """Yields what is wrong with `leaky_relu` and `residual_add`, each with what to set."""

    def is_static(layer: str) -> bool:
        return (rule_for(quantization.parts, layer) or "none").startswith("int8-static")

    for key, source, reader, only_conv in _OUTPUTS:
        if getattr(quantization, key) == "float" or (only_conv and lowering.prefilter != "conv"):
            continue
        scheme = rule_for(quantization.parts, reader) or "none"
        if is_static(source) and not is_static(reader) and scheme not in DYNAMIC_SCHEMES:
            before, after = source.rpartition(".")[0], reader.removesuffix(".0")
            yield (
                f"{key}: int8 after {before} requires int8-static or int8-dynamic for {after} (got {scheme}); set it, "
                f"or {key}: float"
            )
    adds = [output.source for output in _OUTPUTS if output.key == "residual_add"]
    if quantization.residual_add == "int8" and not any(map(is_static, adds)):
        yield "residual_add: int8 requires int8-static for encoder.prefilter; set it, or residual_add: float"
