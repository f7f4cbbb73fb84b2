"""A lowered program against what quantization made."""

import pytest

from workbench.errors import LoweringError
from workbench.export.intent_check import check_lowered
from workbench.export.program_file import ExecutorchNodes, ExportedProgram
from workbench.quantize.results import Quantized


@pytest.mark.parametrize(
    ("kinds", "dtypes", "ops", "expected", "problems"),
    [
        (
            {"delegate_weights": 4401, "other_constants": 0},
            {"float32": 4000, "int8": 100},
            {"convolution": 1},
            ({"convolution": 1, "linear": 1}, {"int8": 300}),
            "expected 1 layers (linear) with integer weights, got 0; expected 300 bytes of int8 weights, got 100; "
            "the file has 4401 bytes of weights, expected 4100, 100 of them integers; "
            "2 quantize or dequantize operators are outside the delegate",
        ),
        (
            {"delegate_weights": 400, "other_constants": 0},
            {"float32": 400},
            {},
            ({"linear_int4_weights": 3}, {"int4": 50}),
            "expected 3 layers (linear_int4_weights) with integer weights, got 0; expected 50 bytes of int4 weights, "
            "got 0; 2 quantize or dequantize operators are outside the delegate",
        ),
    ],
)
def test_every_difference_from_the_recipe_is_listed(
    kinds: dict[str, int],
    dtypes: dict[str, int],
    ops: dict[str, int],
    expected: tuple[dict[str, int], dict[str, int]],
    problems: str,
) -> None:
    nodes = ExecutorchNodes({}, {"dequantize_per_tensor": 2}, ())
    lowered = ExportedProgram(b"", "pte", ops, {}, kinds, {}, dtypes, nodes)
    with pytest.raises(LoweringError) as caught:
        check_lowered(Quantized({}, (), (), *expected, None), lowered)
    assert str(caught.value) == f"the program does not match the recipe: {problems}"
