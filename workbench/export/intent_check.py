"""Checks a lowered program against what the recipe requested."""

from workbench.errors import LoweringError
from workbench.export.program_file import Lowered
from workbench.quantize.results import Quantized


def check_lowered(quantized: Quantized, lowered: Lowered) -> None:
    """Raise LoweringError, with every difference, where the program does not hold what the converted graph did."""
    differences = []
    for operator in sorted({*quantized.operators, *lowered.quantized_ops}):
        wanted, got = quantized.operators.get(operator, 0), lowered.quantized_ops.get(operator, 0)
        if got != wanted:
            differences.append(f"{wanted} layers ({operator}) in int8 were asked, {got} came out of lowering")
    stored = lowered.bytes_by_dtype.get("int8", 0)
    if stored != quantized.weight_bytes:
        differences.append(f"their weights are {quantized.weight_bytes} bytes of int8, the program holds {stored}")
    weights = sum(lowered.bytes_by_dtype.values())
    filed = lowered.bytes_by_kind["delegate_weights"] + lowered.bytes_by_kind["other_constants"]
    if stored and filed > weights + stored:  # as float they would take four times as much
        differences.append(f"the file holds {filed} bytes of weights, for {weights} of which {stored} are int8")
    outside = sum(count for name, count in lowered.portable_ops.items() if "quantize" in name)
    if outside:
        differences.append(f"{outside} quantize or dequantize operators stayed outside the delegate")
    if differences:
        raise LoweringError(f"the program does not do what was asked: {'; '.join(differences)}")
