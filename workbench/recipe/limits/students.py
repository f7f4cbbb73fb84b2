"""What a student does not have: the layers of PESTO's encoder, and upstream's own trace."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from workbench.recipe.options import ExecutorchBackend
from workbench.recipe.patterns import is_student

if TYPE_CHECKING:
    from workbench.recipe.lowering_section import Lowering
    from workbench.recipe.sections import Quantization

_OF_THE_ENCODER = ("toeplitz", "toeplitz_block", "prefilter", "prefilter_band")


def student_conflict(lowering: "Lowering", keys: Mapping[str, Any]) -> str:
    """Returns why a student cannot be lowered like this, or "" if it can or if the checkpoint is no student."""
    if not is_student(keys.get("checkpoint", "")):
        return ""
    if lowering.backend == "torchscript":
        return "backend: torchscript is upstream's own trace, which has no student; use another backend"
    fields = type(lowering).model_fields
    changed = [name for name in _OF_THE_ENCODER if getattr(lowering, name) != fields[name].default]
    if changed:
        return f"{' and '.join(changed)}: for a layer of PESTO that a student does not have; remove it"
    return ""


def student_quantization_conflict(quantization: "Quantization", lowering: "Lowering", keys: Mapping[str, Any]) -> str:
    """Returns why a student cannot be quantized like this, or "" if it can or if the checkpoint is no student."""
    if not is_student(keys.get("checkpoint", "")):
        return ""
    if quantization.equalize:
        return "equalize is for PESTO's convolutions, which a student does not have; remove it"
    static = any(scheme.startswith("int8-static") for scheme in quantization.parts.values())
    if static and quantization.leaky_relu == "int8" and lowering.backend in get_args(ExecutorchBackend):
        return "a student in int8-static requires leaky_relu: float (got int8), because an int8 one cannot be lowered"
    return ""
