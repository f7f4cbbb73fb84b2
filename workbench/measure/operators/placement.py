"""The layer of each operator that the runtime reports, found by its order and checked against the program's file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.export.operators.layer_names import LayerNames
from workbench.export.operators.planned import Instruction, PlannedOperator
from workbench.private_names import XNNPACK_BACKEND

_KERNEL, _DELEGATE = "OPERATOR_CALL", "DELEGATE_CALL"  # events that contain those of one instruction
_FUSED = ("Convert", "Clamp")
"""Operators that XNNPACK may make part of the product before or after them, and then does not report."""

_REPORTED_AS = {
    "AvgPooling2d": ("Average Pooling",),
    "Abs": ("Abs",),
    "Concatenate": ("Copy",),
    "Conv2d": ("Convolution", "Fully Connected"),  # of 1 x 1
    "ConvTranspose2d": ("Deconvolution",),
    "Cos": ("Cosine",),
    "DepthwiseConv2d": ("Convolution",),
    "Div": ("Divide",),
    "FullyConnected": ("Fully Connected", "Dynamic Fully Connected"),
    "Gelu": ("GELU", "ApproxGELU"),
    "Hardswish": ("HardSwish",),
    "MaxPooling2d": ("Max Pooling",),
    "Multiply": ("Multiply", "Square"),  # of a tensor with itself
    "Sin": ("Sine",),
    "SquareRoot": ("Square Root",),
    "StaticResizeBilinear2D": ("Resize Bilinear",),
    "Tanh": ("TanH",),
}
"""XNNPACK's names of an operator in reports, by its type in the graph, if the two differ by more than spaces."""


@dataclass(frozen=True)
class PlacedOperator:
    """An operator that the runtime reports.

    Attributes:
        event: Its position among the events of a call.
        name: The runtime's name without its number, for example `Fully Connected (NC, F32) GEMM`.
        backend: The backend of its delegate; "" outside of the delegates.
        layer: Its layer in the model, "" for the model itself; None if that is not known.
    """

    event: int
    name: str
    backend: str
    layer: str | None


@dataclass(frozen=True)
class Delegate:
    """The events of one delegate call: the call itself, and the first and last of its operators.

    Without operators, as for backends that report none, `first` and `last` are None.
    """

    event: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Placement:
    """The operators of a program.

    Attributes:
        operators: The operators in the order in which they run.
        delegates: The delegate calls in the same order.
        kernels: The events of the kernels outside of the delegates, with what calling them takes.
        mismatch: Why the operators have no layer; "" if they have.
    """

    operators: tuple[PlacedOperator, ...]
    delegates: tuple[Delegate, ...]
    kernels: tuple[int, ...]
    mismatch: str


def place(
    names: Sequence[str], instructions: Sequence[int], planned: Sequence[Instruction], layers: LayerNames
) -> Placement:
    """Returns the operators that the events of a call are, with their layers.

    An operator that quantizing or lowering added to a delegate counts to the layer of the operator before it, and an
    added kernel, as the one that writes the state, to the model itself. If the events are not those that the file leads
    to expect, no operator has a layer.

    Args:
        names: The name of each event of a call.
        instructions: The instruction of each event.
        planned: The instructions of the program.
        layers: The layers of the program's operators.
    """
    expected = {instruction.index: instruction for instruction in planned}
    operators: list[PlacedOperator] = []
    delegates, kernels, mismatches = [], [], []
    for event, inner in _calls(names):
        instruction = expected.get(instructions[event])
        if instruction is None or bool(instruction.backend) != (names[event] == _DELEGATE):
            mismatches.append(f"the program has no such call as instruction {instructions[event]}")
            continue
        if not instruction.backend:
            kernels.append(event)
            name = _plain_name(names[inner[0]]) if inner else "kernel"
            operators.append(PlacedOperator(event, name, "", layers.by_instruction.get(instruction.index, "")))
            continue
        delegates.append(Delegate(event, inner[0] if inner else None, inner[-1] if inner else None))
        if not inner:
            operators.append(PlacedOperator(event, f"{instruction.backend} delegate", instruction.backend, None))
            continue
        reported = [_plain_name(names[index]) for index in inner]
        found = match(reported, instruction.operators or ())
        if isinstance(found, str):
            mismatches.append(found)
            found = [None] * len(inner)
        placed = _filled([None if handle is None else layers.by_handle.get(handle) for handle in found])
        for index, name, layer in zip(inner, reported, placed, strict=True):
            operators.append(PlacedOperator(index, name, instruction.backend, layer))
    if mismatches:
        operators = [PlacedOperator(each.event, each.name, each.backend, None) for each in operators]
    return Placement(tuple(operators), tuple(delegates), tuple(kernels), "; ".join(mismatches))


def match(reported: Sequence[str], planned: Sequence[PlannedOperator]) -> list[int | None] | str:
    """Returns the debug handle of each reported operator of a delegate, or why the two lists do not agree.

    Both are in the order of execution. Every reported operator has to be of the type that is next in the graph, after
    those that XNNPACK fused into a product; nothing but such operators may be left.
    """
    handles: list[int | None] = []
    rest = list(planned)
    for position, name in enumerate(reported, 1):
        while rest and _kind(rest[0]) in _FUSED and not _is_reported_as(rest[0], name):
            rest.pop(0)
        if not rest or not _is_reported_as(rest[0], name):
            expected = rest[0].kind if rest else "no more"
            return f"operator {position} of {XNNPACK_BACKEND} is {name}, and the program's graph has {expected} there"
        handles.append(rest.pop(0).debug_handle)
    left = [operator.kind for operator in rest if _kind(operator) not in _FUSED]
    return f"{XNNPACK_BACKEND} reports {len(left)} operators less than the program's graph has" if left else handles


def _calls(names: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
    """Yields the event of each kernel or delegate call, and the events inside it."""
    starts = [index for index, name in enumerate(names) if name in (_KERNEL, _DELEGATE)]
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        yield start, list(range(start + 1, end))


def _filled(layers: Sequence[str | None]) -> list[str | None]:
    """Gives an operator without a layer that of the operator before it, or of the first one that has a layer."""
    last = next((layer for layer in layers if layer is not None), None)
    filled = []
    for layer in layers:
        last = last if layer is None else layer
        filled.append(last)
    return filled


def _plain_name(name: str) -> str:
    """`Slice (ND, X32) #12` -> `Slice (ND, X32)`, `native_call_argmax.out` -> `argmax.out`."""
    return re.sub(r" #\d+$", "", name).removeprefix("native_call_")


def _kind(operator: PlannedOperator) -> str:
    return re.sub(r"^XNN(Concatenate(?=\d))?", lambda found: found[1] or "", operator.kind).rstrip("0123456789")


def _is_reported_as(operator: PlannedOperator, name: str) -> bool:
    kind, reported = _kind(operator), name.partition(" (")[0]
    if kind in _REPORTED_AS:
        return reported in _REPORTED_AS[kind]
    plain = reported.replace(" ", "")
    return plain == kind or (kind.startswith("Static") and plain == kind.removeprefix("Static"))
