"""What each backend and each scope supports, as tables. A recipe that needs more is rejected before anything is built.

A new backend is added to `BACKENDS`, to the choices in `options.py`, and where it is implemented.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from workbench.recipe.limits.int8_outputs import int8_output_conflicts
from workbench.recipe.options import (
    DEFAULT_SEGMENT_ALIGNMENT,
    DYNAMIC_SCHEMES,
    OUTPUTS,
    WEIGHT_SCHEMES,
    Backend,
    ExecutorchBackend,
    Frontend,
    InitialState,
    Observer,
    Prefilter,
    Scheme,
    Scope,
    SegmentAlignment,
    State,
    Toeplitz,
)
from workbench.recipe.patterns import is_student, rule_for

if TYPE_CHECKING:
    from workbench.recipe.lowering_section import Lowering
    from workbench.recipe.sections import Quantization


@dataclass(frozen=True)
class Limits:
    """The values that are supported. None means every value.

    If `one_call_size` is true, frames_per_chunk must not be a range. With `all_outputs`, all outputs are required.
    `schemes` and the fields after it apply only if a part is quantized; empty `schemes` mean that nothing can be
    quantized. `reason` is added to messages.
    """

    states: tuple[State, ...] | None = None
    scopes: tuple[Scope, ...] | None = None
    frontends: tuple[Frontend, ...] | None = None
    prefilters: tuple[Prefilter, ...] | None = None
    toeplitz: tuple[Toeplitz, ...] | None = None
    initial_states: tuple[InitialState, ...] | None = None
    segment_alignments: tuple[SegmentAlignment, ...] | None = None
    one_call_size: bool = False
    all_outputs: bool = False
    schemes: tuple[Scheme, ...] | None = None
    observers: tuple[Observer, ...] | None = None
    correct_bias: tuple[bool, ...] | None = None
    residual_add: tuple[str, ...] | None = None
    reason: str = ""


_WITH_ACTIVATIONS: tuple[Scheme, ...] = tuple(scheme for scheme in get_args(Scheme) if scheme not in WEIGHT_SCHEMES)

BACKENDS: Mapping[Backend, Limits] = {
    **{
        backend: Limits(states=("internal", "explicit", "none"), schemes=_WITH_ACTIVATIONS)
        for backend in get_args(ExecutorchBackend)
    },
    "xnnpack": Limits(states=("internal", "explicit", "none")),
    # ONNX Runtime stores four bits only since a later operator set than the exporter writes.
    # residual_add is not an option: ONNX Runtime fuses an add between int8 layers in any case.
    "onnx": Limits(
        states=("explicit", "none", "frozen"),
        segment_alignments=(DEFAULT_SEGMENT_ALIGNMENT,),
        one_call_size=True,
        schemes=("none", "int8-static", "int8-weights", "int16-weights"),
        observers=("min-max",),
        correct_bias=(False,),
        residual_add=("float",),
    ),
    "torchscript": Limits(
        states=("internal",),
        scopes=("whole",),
        frontends=("upstream",),
        prefilters=("conv",),
        toeplitz=("conv",),
        initial_states=("each-method",),
        segment_alignments=(DEFAULT_SEGMENT_ALIGNMENT,),
        one_call_size=True,
        all_outputs=True,
        schemes=(),
        reason="it is upstream's own trace, in float",
    ),
}

SCOPES: Mapping[Scope, Limits] = {
    "whole": Limits(),
    "network": Limits(
        states=("none",),
        frontends=("upstream", "grouped"),
        one_call_size=True,
        reason="the host computes the window and the front end",
    ),
}


@dataclass(frozen=True)
class LayerLimit:
    """A layer that XNNPACK runs in some schemes only with some implementations. No implementation: never.

    Integer weights require a Linear: XNNPACK lowers a convolution with them, and then does not load it.

    `layer` is its name in an implementation that does not run, and `part` what a recipe calls it. `key` chooses the
    implementation, and `values` are those that run.
    """

    layer: str
    part: str
    schemes: tuple[Scheme, ...]
    key: str = ""
    values: tuple[str, ...] = ()

    def allows(self, lowering: "Lowering") -> bool:
        """Returns whether the layer has an implementation that runs."""
        return bool(self.key) and getattr(lowering, self.key) in self.values


_ALWAYS_LINEAR = ("frontend (not upstream)", "confidence.linear")
_IN_FREQUENCY_DOMAIN: tuple[Prefilter, ...] = get_args(Prefilter)[1:]
_PER_FREQUENCY = tuple(prefilter for prefilter in _IN_FREQUENCY_DOMAIN if prefilter != "fourier-grouped")
_WEIGHTS = tuple(WEIGHT_SCHEMES)
_DYNAMIC_OR_WEIGHTS = (*DYNAMIC_SCHEMES, *_WEIGHTS)
XNNPACK_LAYERS = (
    LayerLimit("encoder.first.0", "encoder.first", _DYNAMIC_OR_WEIGHTS, "prefilter", _IN_FREQUENCY_DOMAIN),
    LayerLimit("encoder.prefilter.0.0", "encoder.prefilter", _WEIGHTS, "prefilter", _PER_FREQUENCY),
    LayerLimit("encoder.prefilter.1.0", "encoder.prefilter", _WEIGHTS, "prefilter", _PER_FREQUENCY),
    LayerLimit("encoder.narrow.0", "encoder.narrow", _WEIGHTS, "prefilter", _IN_FREQUENCY_DOMAIN),
    LayerLimit("encoder.toeplitz.conv", "encoder.toeplitz", _DYNAMIC_OR_WEIGHTS, "toeplitz", ("linear",)),
    LayerLimit("confidence.conv", "confidence.conv", _DYNAMIC_OR_WEIGHTS),
)
"""Found by tools/reliability/combinations.py, which tries every scheme of every part on every implementation."""


def lowering_conflict(lowering: "Lowering", keys: Mapping[str, Any]) -> str:
    """Returns why a recipe's keys do not fit its scope or its backend, or "" if they do.

    Args:
        lowering: The section `lowering`.
        keys: The other keys of the recipe that are valid by themselves; a missing one is not checked.
    """
    state = keys.get("state", "internal")
    if lowering.initial_state == "once" and state != "internal":
        return f"initial_state: once requires state: internal (got {state}); set initial_state: each-method"
    for label, limits in (
        (f"scope: {lowering.scope}", SCOPES[lowering.scope]),
        (f"backend: {lowering.backend}", BACKENDS[lowering.backend]),
    ):
        conflicts = list(_lowering_conflicts(limits, lowering, keys))
        if conflicts:
            return _message(label, conflicts, limits.reason)
    return ""


def quantization_conflict(quantization: "Quantization", lowering: "Lowering", keys: Mapping[str, Any]) -> str:
    """Returns why a backend cannot quantize like this, or "" if it can or if nothing is quantized.

    A student has none of the encoder's layers; its own are Linears, which run in every scheme. For the arguments see
    `lowering_conflict`.
    """
    if not (quantization.parts or quantization.everywhere):
        return ""
    backend, limits = lowering.backend, BACKENDS[lowering.backend]
    conflicts = list(_quantization_conflicts(limits, quantization))
    if conflicts:
        return _message(f"backend: {backend}", conflicts, limits.reason)
    of_frontend = any(pattern.split(".")[0] == "frontend" for pattern in quantization.parts)
    if of_frontend and keys.get("frontend") == "upstream":
        return (
            "parts: frontend requires frontend: grouped, low-rank or three-stage (got upstream), whose layers can be "
            "quantized"
        )
    of_frequencies = [pattern for pattern in quantization.parts if "frequency" in pattern.split(".")]
    if of_frequencies and lowering.prefilter not in _PER_FREQUENCY:
        required = f"lowering.prefilter: {_choices(_PER_FREQUENCY)} (got {lowering.prefilter})"
        return f"parts: {', '.join(of_frequencies)}: a prefilter has frequencies only with {required}"
    student = is_student(keys.get("checkpoint", ""))
    limited = [limit for limit in XNNPACK_LAYERS if not (student and limit.layer.startswith("encoder."))]
    layers = _layer_conflicts(quantization, lowering, limited) if backend == "xnnpack" else ()
    with_outputs = backend in get_args(ExecutorchBackend) and not student
    outputs = int8_output_conflicts(quantization, lowering) if with_outputs else ()
    return "; ".join((*layers, *outputs))


def _lowering_conflicts(limits: Limits, lowering: "Lowering", keys: Mapping[str, Any]) -> Iterator[str]:
    if "state" in keys:
        yield from _conflict("state", limits.states, keys["state"])
    yield from _conflict("scope", limits.scopes, lowering.scope)
    if "frontend" in keys:
        yield from _conflict("frontend", limits.frontends, keys["frontend"])
    yield from _conflict("prefilter", limits.prefilters, lowering.prefilter)
    yield from _conflict("toeplitz", limits.toeplitz, lowering.toeplitz)
    yield from _conflict("initial_state", limits.initial_states, lowering.initial_state)
    yield from _conflict("segment_alignment", limits.segment_alignments, lowering.segment_alignment)
    if limits.one_call_size and not isinstance(keys.get("frames_per_chunk", 1), int):
        yield "one number of frames_per_chunk (got a range)"
    outputs = keys.get("outputs", OUTPUTS)
    if limits.all_outputs and len(outputs) < len(OUTPUTS):
        yield f"outputs: {', '.join(OUTPUTS)} (got {', '.join(outputs)})"


def _quantization_conflicts(limits: Limits, quantization: "Quantization") -> Iterator[str]:
    if limits.schemes == ():
        yield "quantization: none"
        return
    schemes = sorted(set(quantization.parts.values()) - set(limits.schemes or quantization.parts.values()))
    if schemes:
        yield f"parts: {_choices(limits.schemes or ())} (got {', '.join(schemes)})"
    yield from _conflict("observer", limits.observers, quantization.observer)
    yield from _conflict("correct_bias", limits.correct_bias, quantization.correct_bias)
    yield from _conflict("residual_add", limits.residual_add, quantization.residual_add)


def _layer_conflicts(quantization: "Quantization", lowering: "Lowering", limits: Iterable[LayerLimit]) -> Iterator[str]:
    refused: dict[tuple[Scheme, LayerLimit], list[str]] = {}
    for limit in limits:
        scheme = rule_for(quantization.parts, limit.layer)
        if scheme in limit.schemes and not limit.allows(lowering):
            refused.setdefault((scheme, replace(limit, layer="", part="", schemes=())), []).append(limit.part)
    for (scheme, limit), found in refused.items():
        parts = list(dict.fromkeys(found))
        named, none = _choices(parts, "and"), ", ".join(f"{part}: none" for part in parts)
        if limit.values:
            yield (
                f"{named} in {scheme} {'require' if len(parts) > 1 else 'requires'} lowering.{limit.key}: "
                f"{_choices(limit.values)} (got {getattr(lowering, limit.key)}); set it, or {none}"
            )
        else:
            yield f"XNNPACK has no {scheme} for {named}; set {none}"
    if any(scheme in WEIGHT_SCHEMES for scheme, _ in refused):
        allowed = [limit.part for limit in limits if limit.key and limit.allows(lowering)]
        yield f"layers that can: {', '.join(dict.fromkeys((*_ALWAYS_LINEAR, *allowed)))}"


def _conflict(key: str, supported: tuple[Any, ...] | None, value: object) -> Iterator[str]:
    if supported is not None and value not in supported:
        yield f"{key}: {_choices(supported)} (got {_text(value)})"


def _message(label: str, conflicts: list[str], reason: str) -> str:
    return f"{label} requires {', '.join(conflicts)}" + (f"; {reason}" if reason else "")


def _choices(values: Iterable[Any], conjunction: str = "or") -> str:
    *others, last = map(_text, values)
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
