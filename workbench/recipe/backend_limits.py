"""What each backend cannot do, told before anything is loaded: one line for each key that does not fit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.recipe.sections import Lowering, Quantization


def lowering_conflict(lowering: "Lowering", said: Mapping[str, Any]) -> str:
    """Why a recipe's other keys do not fit how it is lowered; nothing where they do. `said` has those that are right
    in themselves."""
    backend, state, frontend = lowering.backend, said.get("state"), said.get("frontend")
    one_size = isinstance(said.get("frames_per_chunk", 1), int)
    if state == "frozen" and backend != "onnx":
        return f"state: frozen is what ONNX makes of a memory, and {backend} refuses it; ask for internal or explicit"
    if lowering.scope == "network":
        if state not in ("none", None):
            return f"scope: network wants state: none, as its host keeps the past audio, got {state}"
        if frontend == "low-rank":
            return "scope: network wants frontend: grouped or upstream, which its host computes, got low-rank"
        if not one_size:
            return "scope: network takes one number of frames_per_chunk"
    if backend == "onnx":
        if state == "internal":
            return "backend: onnx keeps nothing between calls; ask for state: explicit or none (frozen shows why)"
        if not one_size:
            return "backend: onnx takes one number of frames_per_chunk"
    if backend == "torchscript":
        forms = (frontend, lowering.prefilter, lowering.toeplitz, lowering.scope)
        if frontend is not None and forms != ("upstream", "conv", "conv", "whole"):
            return (
                "backend: torchscript is upstream's own trace: wants frontend: upstream, prefilter: conv and "
                f"toeplitz: conv, got {', '.join(map(str, forms[:3]))}"
            )
        if state not in ("internal", None):
            return f"backend: torchscript keeps its memory as upstream does: wants state: internal, got {state}"
        if not one_size:
            return "backend: torchscript takes one number of frames_per_chunk"
        if len(said.get("outputs", "all")) < 3:
            return "backend: torchscript returns all outputs; ask for pitch, confidence and volume"
    return ""


def quantization_conflict(asked: "Quantization", backend: str) -> str:
    """Why a backend cannot quantize so; nothing where it can, or where nothing is asked."""
    if not (asked.parts or asked.everywhere):
        return ""
    if backend == "torchscript":
        return "backend torchscript is upstream's own trace, in float; ask for none"
    if backend != "onnx":
        return ""
    other = sorted({scheme for scheme in asked.parts.values() if scheme not in ("int8-static", "none")})
    if other:
        return f"backend onnx takes int8-static and none, got {', '.join(other)}"
    if asked.residual_add != "float":
        return "backend onnx: ONNX Runtime itself fuses an add between int8 layers; leave residual_add out"
    settings = {"observer": "min-max", "correct_bias": False}
    wrong = [name for name, only in settings.items() if getattr(asked, name) != only]
    return f"backend onnx has no other {wrong[0]} than {str(settings[wrong[0]]).lower()}" if wrong else ""
