"""A lowered program against what quantization made."""

import pytest

from workbench.errors import LoweringError
from workbench.export.intent_check import check_lowered
from workbench.export.program_file import ExecutorchNodes, ExportedProgram
from workbench.quantize.results import Calibration, Quantized


def test_every_difference_from_the_recipe_is_listed() -> None:
    nodes = ExecutorchNodes({}, {"dequantize_per_tensor": 2}, ())
    kinds, dtypes = {"delegate_weights": 4401, "other_constants": 0}, {"float32": 4000, "int8": 100}
    lowered = ExportedProgram(b"", "pte", {"convolution": 1}, {}, kinds, {}, dtypes, nodes)
    expected = Quantized({}, (), {"convolution": 1, "linear": 1}, 300, Calibration.model_construct())
    with pytest.raises(LoweringError) as caught:
        check_lowered(expected, lowered)
    assert str(caught.value) == (
        "the program does not match the recipe: expected 1 layers (linear) in int8, got 0; expected 300 bytes of int8 "
        "weights, got 100; the file has 4401 bytes of weights, expected 4100, 100 of them int8; 2 quantize or "
        "dequantize operators are outside the delegate"
    )
