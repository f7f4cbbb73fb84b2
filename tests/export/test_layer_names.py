"""The layers of operators: names that tracing a graph loses, and a lowered module of three known operators."""

import pytest
import torch
from torch import Tensor, nn

from workbench.errors import LoweringError
from workbench.export.operators.layer_names import layer_names, restore_layer_names
from workbench.export.operators.planned import planned_instructions


class TwoLinears(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.nn.functional.leaky_relu(self.first(x)))


class Outer(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x * 2) + 1


def graph_of_two() -> nn.Module:
    return torch.export.export(TwoLinears(), (torch.ones(2, 4),)).module(check_guards=False)


def layers_of(exported: torch.export.ExportedProgram) -> list[str]:
    stacks = [node.meta.get("nn_module_stack") for node in exported.graph.nodes if node.op == "call_function"]
    return [list(stack.values())[-1][0] if stack else "" for stack in stacks]


def test_layers_of_a_part_that_is_a_graph_are_restored() -> None:
    module = Outer(graph_of_two())
    exported = torch.export.export(module, (torch.ones(2, 4),))
    assert "encoder.first" not in layers_of(exported)
    restore_layer_names(exported, module)
    assert layers_of(exported) == ["", "encoder.first", "encoder.", "encoder.second", ""]


def test_a_part_that_is_not_in_the_graph_is_an_error() -> None:
    exported = torch.export.export(nn.Linear(4, 4), (torch.ones(2, 4),))
    with pytest.raises(LoweringError, match=r"^the operators of encoder are in the graph 0 times"):
        restore_layer_names(exported, Outer(graph_of_two()))


@pytest.mark.slow
def test_operators_of_a_lowered_module_are_known() -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(TwoLinears(), (torch.ones(2, 4),))
    edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    program = edge.to_executorch()
    (instruction,) = planned_instructions(bytes(program.buffer))
    operators = instruction.operators or ()
    assert [each.kind for each in operators] == ["XNNFullyConnected", "XNNLeakyReLU", "XNNFullyConnected"]
    layers = layer_names(edge, program).by_handle
    assert [layers[each.debug_handle or 0] for each in operators] == ["first", "", "second"]
