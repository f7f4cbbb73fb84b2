"""Checks a lowered program against what the recipe requested: an int8 layer that runs in float is an error."""

from workbench.errors import LoweringError
from workbench.export.program_file import ExportedProgram
from workbench.quantize.results import Quantized


def check_lowered(quantized: Quantized, program: ExportedProgram) -> None:
    """Checks that an ExecuTorch program has the same int8 operators and integer weights as the converted graph.

    Products with integer weights and float inputs are counted separately ("linear_int8_weights"): XNNPACK runs each
    with its kernel f32-qc8w or f32-qc4w, or the product stays outside of the delegate, together with its dequantize.

    Raises LoweringError, with every difference.
    """
    assert program.nodes is not None
    differences = []
    for operator in sorted({*quantized.operators, *program.quantized_ops}):
        expected, actual = quantized.operators.get(operator, 0), program.quantized_ops.get(operator, 0)
        if actual != expected:
            differences.append(f"expected {expected} layers ({operator}) with integer weights, got {actual}")
    integer_bytes = 0
    for dtype in ("int8", "int4"):
        expected, actual = quantized.weight_bytes.get(dtype, 0), program.bytes_by_dtype.get(dtype, 0)
        integer_bytes += actual
        if actual != expected:
            differences.append(f"expected {expected} bytes of {dtype} weights, got {actual}")
    weight_bytes = sum(program.bytes_by_dtype.values())
    stored_bytes = program.bytes_by_kind["delegate_weights"] + program.bytes_by_kind["other_constants"]
    if integer_bytes and stored_bytes > weight_bytes + integer_bytes:  # stored as float they would take far more
        differences.append(
            f"the file has {stored_bytes} bytes of weights, expected {weight_bytes}, {integer_bytes} of them integers"
        )
    outside = sum(count for name, count in program.nodes.portable_ops.items() if "quantize" in name)
    if outside:
        differences.append(f"{outside} quantize or dequantize operators are outside the delegate")
    if differences:
        raise LoweringError(f"the program does not match the recipe: {'; '.join(differences)}")
