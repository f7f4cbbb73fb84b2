"""Checks a lowered program against what the recipe requested."""

from workbench.errors import LoweringError
from workbench.export.program_file import ExportedProgram
from workbench.quantize.results import Quantized


def check_lowered(quantized: Quantized, program: ExportedProgram) -> None:
    """Checks that an ExecuTorch program has the same int8 operators and weights as the converted graph.

    Raises LoweringError, with every difference.
    """
    assert program.nodes is not None
    differences = []
    for operator in sorted({*quantized.operators, *program.quantized_ops}):
        expected, actual = quantized.operators.get(operator, 0), program.quantized_ops.get(operator, 0)
        if actual != expected:
            differences.append(f"expected {expected} layers ({operator}) in int8, got {actual}")
    int8_bytes = program.bytes_by_dtype.get("int8", 0)
    if int8_bytes != quantized.weight_bytes:
        differences.append(f"expected {quantized.weight_bytes} bytes of int8 weights, got {int8_bytes}")
    weight_bytes = sum(program.bytes_by_dtype.values())
    stored_bytes = program.bytes_by_kind["delegate_weights"] + program.bytes_by_kind["other_constants"]
    if int8_bytes and stored_bytes > weight_bytes + int8_bytes:  # stored as float they would take four times as much
        differences.append(
            f"the file has {stored_bytes} bytes of weights, expected {weight_bytes}, {int8_bytes} of them int8"
        )
    outside = sum(count for name, count in program.nodes.portable_ops.items() if "quantize" in name)
    if outside:
        differences.append(f"{outside} quantize or dequantize operators are outside the delegate")
    if differences:
        raise LoweringError(f"the program does not match the recipe: {'; '.join(differences)}")
