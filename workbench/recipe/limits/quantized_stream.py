"""Which options of a quantization require other options, whatever the backend can run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.recipe.options import DYNAMIC_SCHEMES

if TYPE_CHECKING:
    from workbench.recipe.lowering_section import Lowering
    from workbench.recipe.sections import Quantization


def quantized_stream_conflict(quantization: "Quantization", lowering: "Lowering", keys: Mapping[str, Any]) -> str:
    """Returns why a stream cannot be quantized like this, or "" if it can.

    Args:
        quantization: The section `quantization`.
        lowering: The section `lowering`.
        keys: The other keys of the recipe that are valid by themselves; a missing one is not checked.
    """
    stream = [keys.get(key, default) for key, default in (("state", "internal"), ("streams", 1))]
    plain = stream == ["internal", 1] and isinstance(keys.get("frames_per_chunk", 1), int)
    if quantization.everywhere and lowering.backend != "onnx" and not plain:
        return "everywhere requires streams: 1, state: internal and one number of frames_per_chunk"
    if quantization.correct_bias and not set(DYNAMIC_SCHEMES).isdisjoint(quantization.parts.values()):
        return "correct_bias requires static schemes; the range of int8-dynamic differs in every frame"
    if quantization.equalize and lowering.prefilter != "conv":
        return f"equalize requires lowering.prefilter: conv, got {lowering.prefilter}"
    return ""
