"""Which layer of the model each operator of a lowered program comes from: by its debug handle, or its instruction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import getitem

import torch
from executorch.exir import EdgeProgramManager, ExecutorchProgramManager
from torch import nn
from torch.export import ExportedProgram
from torch.fx import Graph, GraphModule, Node

from workbench.errors import LoweringError

_STACK, _HANDLE = "nn_module_stack", "debug_handle"


@dataclass(frozen=True)
class LayerNames:
    """The layers of a lowered program by their names in the model; "" is the model itself.

    Attributes:
        by_handle: The layer of each operator in a delegate, by the debug handle that the delegate has for it.
        by_instruction: The layer of each instruction of `forward` that runs a kernel outside of the delegates. Those
            that lowering added have none, as the one that writes the state.
    """

    by_handle: Mapping[int, str]
    by_instruction: Mapping[int, str]


def restore_layer_names(exported: ExportedProgram, module: nn.Module) -> None:
    """Puts the layers of quantized parts into an exported graph; tracing a part that is a graph loses them.

    The operators of a part are in the exported graph in the same order and without a gap, so they are found by it. Only
    metadata change, which lowering keeps and does not write to the program.

    Args:
        exported: The graph that was exported from the module.
        module: The module; it or some of its submodules are graphs.

    Raises:
        LoweringError: The operators of a part are not in the exported graph, or more than once.
    """
    nodes = _traced_operators(exported.graph)
    parts = [("", module), *((f"{name}.", part) for name, part in module.named_children())]
    for prefix, part in parts:
        if not isinstance(part, GraphModule):
            continue
        inner = _traced_operators(part.graph)
        targets = [node.target for node in inner]
        starts = [
            start
            for start in range(len(nodes) - len(inner) + 1)
            if [node.target for node in nodes[start : start + len(inner)]] == targets
        ]
        if len(starts) != 1:
            raise LoweringError(
                f"the operators of {prefix.rstrip('.') or 'the model'} are in the graph {len(starts)} times"
            )
        for node, source in zip(nodes[starts[0] :], inner, strict=False):
            node.meta[_STACK] = {
                key: (prefix + _path(path), kind) for key, (path, kind) in source.meta.get(_STACK, {}).items()
            }


def layer_names(edge: EdgeProgramManager, program: ExecutorchProgramManager) -> LayerNames:
    """Returns the layers of a lowered program, from the graphs of its delegates and from the graph that was emitted."""
    by_handle: dict[int, str] = {}
    for node in _delegate_nodes(edge):
        if _HANDLE in node.meta and node.meta.get(_STACK):
            by_handle.setdefault(node.meta[_HANDLE], _layer(node))
    emitted = program.exported_program("forward").graph  # after emission a handle is the index of the instruction
    by_instruction = {
        node.meta[_HANDLE]: _layer(node)
        for node in _operators(emitted)
        if node.meta.get(_STACK) and _HANDLE in node.meta and node.target is not getitem
    }
    return LayerNames(by_handle, by_instruction)


def _delegate_nodes(edge: EdgeProgramManager) -> Iterator[Node]:
    top = edge.exported_program().graph_module
    for node in top.graph.nodes:
        if node.op == "call_function" and node.target is torch.ops.higher_order.executorch_call_delegate:
            yield from _operators(getattr(top, node.args[0].target).original_module.graph)


def _traced_operators(graph: Graph) -> list[Node]:
    """Returns the operators but those that read a size, which is a number in a graph for one size of call."""
    return [node for node in _operators(graph) if "sym_size" not in str(node.target)]


def _operators(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op == "call_function"]


def _layer(node: Node) -> str:
    stack = list(node.meta.get(_STACK, {}).values())
    return _path(stack[-1][0]) if stack else ""


def _path(name: str) -> str:
    return name.removeprefix("L['self']").lstrip(".")
