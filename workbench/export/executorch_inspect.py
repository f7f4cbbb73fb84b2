"""Counts the operators and the bytes of a lowered ExecuTorch program."""

from collections import Counter
from dataclasses import dataclass

import torch
from executorch.exir import EdgeProgramManager

from workbench.export.program_file import ExecutorchNodes
from workbench.private_names import read_pte
from workbench.quantize.layers import integer_weights_name, packed_bytes, stored_bits
from workbench.recipe.options import STATE_BUFFER

_WEIGHTED = ("convolution", "linear", "addmm", "mm")
"""Operators whose weights and multiply-adds decide what a program costs."""

_WITHOUT_WEIGHTS = ("add", "leaky_relu")
"""Operators that run in int8 if all of their inputs and their output are int8."""

_STAGES = ("project", "middle", "expand")
"""The layers of a group of bins in an approximate front end."""

Counts = dict[str, int]


@dataclass(frozen=True)
class OperatorCounts:
    """The operators of a lowered graph: `quantized_ops` run in int8 or have integer weights, `float_ops` have float
    weights."""

    nodes: ExecutorchNodes
    quantized_ops: Counts
    float_ops: Counts


def count_operators(edge: EdgeProgramManager) -> OperatorCounts:
    """Counts the operators of `forward`, inside and outside its delegates."""
    top = edge.exported_program().graph_module
    inside = []
    delegates = []
    for node in top.graph.nodes:
        if node.op == "call_function" and node.target is torch.ops.higher_order.executorch_call_delegate:
            lowered = getattr(top, node.args[0].target)
            inside.append(lowered.original_module.graph)
            delegates.append((lowered.backend_id, _counts(inside[-1]).total()))
    delegated = sum(map(_counts, inside), Counter())
    floating: Counter[str] = Counter()
    quantized: Counter[str] = Counter()
    without_weights: Counter[str] = Counter()
    for graph in (top.graph, *inside):
        for name, node in _named_operators(graph):
            if name in _WITHOUT_WEIGHTS:
                without_weights[name] += _has_int8_inputs(node) and _has_int8_output(node)
            elif name in _WEIGHTED and _has_int8_inputs(node):
                quantized[name] += 1
            elif name == "linear" and _is_dequantize(node.all_input_nodes[1]) and graph in inside:
                quantized[integer_weights_name(name, node.all_input_nodes[1])] += 1
            elif name in _WEIGHTED:
                floating[name] += 1
    nodes = ExecutorchNodes(
        delegated_ops=dict(sorted(delegated.items())),
        portable_ops=dict(sorted(_counts(top.graph).items())),
        delegates=tuple(delegates),
    )
    return OperatorCounts(nodes, dict(quantized + without_weights), dict(floating))


def _has_int8_inputs(node: torch.fx.Node) -> bool:
    """Returns whether an operator's inputs (or input and weight) are dequantized, which XNNPACK fuses into it."""
    return all(map(_is_dequantize, node.all_input_nodes[:2]))


def _is_dequantize(node: torch.fx.Node) -> bool:
    return "dequantize" in str(node.target)


def _has_int8_output(node: torch.fx.Node) -> bool:
    return all("quantize_per_tensor" in str(user.target) for user in node.users)


def _named_operators(graph: torch.fx.Graph) -> list[tuple[str, torch.fx.Node]]:
    """Returns the operators with their plain names (`convolution`), without delegate calls and tuple access."""
    named = []
    for node in graph.nodes:
        operator = getattr(node.target, "overloadpacket", None)
        if node.op == "call_function" and operator is not None:
            named.append((operator.__name__, node))
    return named


def _counts(graph: torch.fx.Graph) -> Counter[str]:
    return Counter(name for name, _ in _named_operators(graph))


def bytes_of_constants(exported: torch.export.ExportedProgram) -> tuple[Counts, Counts]:
    """Returns the bytes of the parameters and buffers that the graph reads, without the state: by part and by dtype.

    An integer of four bits counts half a byte. Zero points of channels are left out: a program stores only
    those of whole tensors.
    """
    signature = exported.graph_signature
    stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    parts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for node in exported.graph.nodes:
        name = stored.get(node.name) if node.op == "placeholder" and node.users else None
        if name is None or name == STATE_BUFFER or _is_zero_points(node):
            continue
        tensor = exported.state_dict[name] if name in exported.state_dict else exported.constants[name]
        four_bits = tensor.dtype == torch.int8 and any(stored_bits(user) == 4 for user in _readers(node))
        size = packed_bytes(tensor, 4) if four_bits else tensor.numel() * tensor.element_size()
        parts[_part_of(name)] += size
        types["int4" if four_bits else str(tensor.dtype).removeprefix("torch.")] += size
    return dict(parts.most_common()), dict(types.most_common())


def _part_of(name: str) -> str:
    """Returns the part of the model that a tensor belongs to; parts of the front end are the stages of its groups."""
    path = name.split(".")
    if path[0] == "frontend":
        return ".".join(["frontend", *(stage for stage in _STAGES if stage in path)])
    has_layers = path[0] == "encoder" and not path[1].startswith("_")  # int8 activations take the names away
    return ".".join(path[: 2 if has_layers else 1])


def _readers(node: torch.fx.Node) -> list[torch.fx.Node]:
    """Returns the operators that dequantize the tensor by channels."""
    return [user for user in node.users if "dequantize_per_channel" in str(user.target)]


def _is_zero_points(node: torch.fx.Node) -> bool:
    return any(user.args[2] is node for user in _readers(node))


def bytes_by_kind(pte: bytes) -> dict[str, int]:
    """Returns the bytes of a `.pte` by kind: delegates' weights and graphs, other constants, zero state, the rest."""
    file = read_pte(pte)
    weights = sum(len(buffer) for buffer in file.named_data.buffers) if file.named_data else 0
    graphs = sum(len(blob.data) for blob in file.program.backend_delegate_data)
    tensors = sum(len(buffer.storage) for buffer in file.program.constant_buffer)
    initial_state = sum(len(buffer.storage) for buffer in file.mutable_data or [])
    kinds = {
        "delegate_weights": weights,
        "delegate_graphs": graphs,
        "other_constants": tensors,
        "initial_state": initial_state,
    }
    return {**kinds, "rest": len(pte) - sum(kinds.values())}
