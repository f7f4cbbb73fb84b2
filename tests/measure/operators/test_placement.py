"""The operators that the runtime reports, compared with those in the program's file."""

import re

import pytest

from workbench.export.operators.layer_names import LayerNames
from workbench.export.operators.planned import Instruction, PlannedOperator
from workbench.measure.operators.placement import match, place

LINEAR, INT8 = "Fully Connected (NC, F32) GEMM", "Fully Connected (NC, QDU8, F32, QC8W) GEMM"


def planned(*kinds: str) -> tuple[PlannedOperator, ...]:
    """Operators with the handles 1, 2, ...; a kind that ends with "+" was added by lowering and has none."""
    return tuple(
        PlannedOperator(f"XNN{kind.rstrip('+')}", None if kind.endswith("+") else handle)
        for handle, kind in enumerate(kinds, 1)
    )


@pytest.mark.parametrize(
    ("kinds", "reported", "handles"),
    [
        (("StaticSlice", "FullyConnected"), ("Slice (ND, X32)", LINEAR), [1, 2]),
        (("Convert", "Convert", "FullyConnected", "FullyConnected"), (INT8, INT8), [3, 4]),  # fused: not reported
        (("Convert", "Conv2d"), ("Convert (NC, F32, QS8)", "Convolution (NHWC, QC8) IGEMM"), [1, 2]),
        (("FullyConnected", "Clamp", "Div"), (LINEAR, "Divide (ND)"), [1, 3]),
        (("Multiply", "Multiply"), ("Square (NC)", "Multiply (ND)"), [1, 2]),
        (("Concatenate5", "Conv2d", "AvgPooling2d"), ("Copy (NC, X32)", LINEAR, "Average Pooling (NC)"), [1, 2, 3]),
        (("StaticTranspose+", "ReciprocalSquareRoot"), ("Transpose (ND)", "Reciprocal Square Root (NC)"), [None, 2]),
    ],
)
def test_operators_agree(kinds: tuple[str, ...], reported: tuple[str, ...], handles: list[int | None]) -> None:
    assert match(reported, planned(*kinds)) == handles


@pytest.mark.parametrize(
    ("kinds", "reported", "message"),
    [
        (
            ("StaticSlice", "Add"),
            ("Slice", "Subtract"),
            "operator 2 of XnnpackBackend is Subtract.* graph has XNNAdd there",
        ),
        (("Add",), ("Add", "Add"), "operator 2 of XnnpackBackend is Add.* graph has no more there"),
        (("Add", "StaticSlice", "Clamp"), ("Add",), "XnnpackBackend reports 1 operators less"),
    ],
)
def test_operators_that_differ_are_an_explained_mismatch(
    kinds: tuple[str, ...], reported: tuple[str, ...], message: str
) -> None:
    found = match(reported, planned(*kinds))
    assert isinstance(found, str) and re.search(message, found), found


def test_an_operator_that_quantizing_added_has_the_layer_before_it() -> None:
    plan = [Instruction(0, "XnnpackBackend", planned("FullyConnected", "Convert"))]
    events = ("DELEGATE_CALL", f"{LINEAR} #1", "Convert (NC, F32, QS8) #1")
    found = place(events, (0, 0, 0), plan, LayerNames({1: "encoder.first"}, {}))  # the handle 2 has no layer
    assert [each.layer for each in found.operators] == ["encoder.first"] * 2


EVENTS = ("Method::execute", "OPERATOR_CALL", "native_call_argmax.out", "DELEGATE_CALL", f"{LINEAR} #1", "Copy #1")
INSTRUCTIONS = (0, 0, 0, 1, 1, 1, 2, 2, 3)
PLAN = [Instruction(0, ""), Instruction(1, "XnnpackBackend", planned("FullyConnected", "Concatenate2+"))]


def test_each_operator_has_its_layer() -> None:
    names = (*EVENTS, "OPERATOR_CALL", "native_call_copy_", "DELEGATE_CALL")
    plan = [*PLAN, Instruction(2, ""), Instruction(3, "OtherBackend")]
    found = place(names, INSTRUCTIONS, plan, LayerNames({1: "encoder.first"}, {0: "reduce"}))
    assert [(each.name, each.backend, each.layer) for each in found.operators] == [
        ("argmax.out", "", "reduce"),
        (LINEAR, "XnnpackBackend", "encoder.first"),
        ("Copy", "XnnpackBackend", "encoder.first"),  # added by lowering
        ("copy_", "", ""),  # writes the state
        ("OtherBackend delegate", "OtherBackend", None),
    ]
    assert (found.kernels, found.mismatch) == ((1, 6), "")
    assert [(each.event, each.first, each.last) for each in found.delegates] == [(3, 4, 5), (8, None, None)]


@pytest.mark.parametrize(
    "plan", [PLAN[:1], [PLAN[0], Instruction(1, "")], [PLAN[0], Instruction(1, "XnnpackBackend", ())]]
)
def test_no_operator_has_a_layer_if_the_events_are_others(plan: list[Instruction]) -> None:
    found = place(EVENTS, INSTRUCTIONS, plan, LayerNames({1: "encoder.first"}, {0: "reduce"}))
    assert found.mismatch and {each.layer for each in found.operators} == {None}
