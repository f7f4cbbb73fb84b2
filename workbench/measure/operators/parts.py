"""Cuts a model into parts that can be lowered and timed separately, and that compute the same numbers as a chain.

The encoder, in float or quantized, is cut along its graph. Every operator belongs to the layer that it was traced from;
an operator between two layers belongs to the first. So the cut works for every implementation of the encoder, and it
leaves no operator out.
"""

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import getitem

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg
from torch.fx.passes.split_utils import split_by_tags

from workbench.measure.operators.layer_costs import Layer, layers_in, traced
from workbench.model.streaming import StreamingPesto
from workbench.quantize.layers import layer_of
from workbench.recipe.options import STATE_BUFFER

AUDIO, STATE, ENCODER_INPUT = "audio", STATE_BUFFER, "encoder_input"
_STEP = re.compile(r"encoder\.(prefilter\.\d+|[a-z]\w*)")


@dataclass
class Part:
    """A part of the model.

    Attributes:
        name: The name, for example `encoder.prefilter.0`.
        module: What computes it. With internal state, the module of the first part holds the state buffer.
        inputs: The names of the tensors that it takes.
        outputs: The names of the tensors that it returns.
        layers: Its layers that multiply.
        example: Inputs of one call.
    """

    name: str
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: list[Layer] = field(default_factory=list)
    example: tuple[Tensor, ...] = ()


class _FrontEnd(nn.Module):
    """Audio to the energy of each bin, with the streaming state: (streams, samples) -> (frames, bins), float32."""

    def __init__(self, model: StreamingPesto) -> None:
        super().__init__()
        self.framing, self.frontend, self.past_samples = model.framing, model.frontend, model.past_samples
        if model.state == "internal":
            self.register_buffer(STATE_BUFFER, model.zero_state())

    def forward(self, audio: Tensor, state: Tensor | None = None) -> tuple[Tensor, ...]:
        window = torch.cat((self.get_buffer(STATE_BUFFER) if state is None else state, audio), -1)
        energy: Tensor = self.frontend(self.framing(window))
        next_state = window[:, window.shape[-1] - self.past_samples :]
        if state is not None:
            return energy, next_state
        self.get_buffer(STATE_BUFFER).copy_(next_state)
        return (energy,)


class _Log(nn.Module):
    """Energy to its logarithm, of all bins and of those that the encoder takes: (frames, bins), float32."""

    def __init__(self, crop: slice) -> None:
        super().__init__()
        self.crop = crop

    def forward(self, energy: Tensor) -> tuple[Tensor, Tensor]:
        log_energy = energy.log()
        return log_energy, log_energy[:, self.crop]


@torch.no_grad()
def cut(model: StreamingPesto, calls: Sequence[Tensor]) -> list[Part]:
    """Cuts a model into its parts.

    Args:
        model: The model.
        calls: (streams, samples) float32 of each call. They run through the front end first; the examples of the parts
            are from the last call.

    Returns:
        The parts in the order in which they run, with their layers and examples.
    """
    states = (STATE,) if model.state == "explicit" else ()
    frontend = Part("frontend", _FrontEnd(model), (AUDIO, *states), ("energy", *states))
    values = {STATE: model.zero_state()}
    for audio in calls:
        values[AUDIO] = audio
        values |= _run(frontend, values)
    encoder_input = values["energy"].log()[:, model.crop]
    graph = traced(model.encoder, (encoder_input,))
    encoder = _cut_encoder(copy.deepcopy(graph), len(encoder_input))  # a copy: the cut adds tags to the graph
    heads = {
        "pitch": Part("reduce", model.reduce, ("activations",), ("pitch",)),
        "confidence": Part("confidence", model.confidence, ("energy", "log_energy"), ("confidence",)),
        "volume": Part("total", model.total, ("energy",), ("volume",)),
    }
    returned = [heads[output] for output in model.outputs]
    log = Part("log", _Log(model.crop), ("energy",), ("log_energy", ENCODER_INPUT))
    parts = [frontend, log, *encoder, *returned]
    for part in parts:
        part.example = tuple(values[name].contiguous() for name in part.inputs)
        if part is not frontend:
            values |= _run(part, values)
    window = torch.cat((model.zero_state(), values[AUDIO]), -1)
    frontend.layers = _layers(model.frontend, (model.framing(window),), "frontend")
    encoder_layers = layers_in(graph, (encoder_input,), "encoder")
    for part in encoder:
        part.layers = [layer for layer in encoder_layers if f"{layer.name}.".startswith(f"{part.name}.")]
    for part in returned:
        part.layers = _layers(part.module, part.example, part.name)
    return parts


def _run(part: Part, values: dict[str, Tensor]) -> dict[str, Tensor]:
    returned = part.module(*(values[name] for name in part.inputs))
    outputs = (returned,) if isinstance(returned, Tensor) else returned
    return dict(zip(part.outputs, outputs, strict=True))


def _layers(module: nn.Module, inputs: tuple[Tensor, ...], name: str) -> list[Layer]:
    return layers_in(traced(module, inputs), inputs, name)


def _cut_encoder(graph: GraphModule, frames: int) -> list[Part]:
    """Returns a part for each step of the encoder, for calls of `frames` frames.

    The first takes the encoder's input, the last returns the "activations".
    """
    tags: dict[str, str] = {}  # of split_by_tags -> the step's name; a tag is also the name of a module
    for node in graph.graph.nodes:
        if "sym_size" in str(node.target):  # a part takes calls of one size
            _replace_with_number(node, frames)
        elif node.op == "call_function":
            step = _STEP.match(layer_of(node, "encoder"))
            if step:
                tags.setdefault(step[0].replace(".", "_"), step[0])
            node.tag = next(reversed(tags), "")  # "" before the first step, for weights that are dequantized
    graph.graph.eliminate_dead_code()
    for node in reversed(graph.graph.nodes):
        if node.op == "call_function" and _belongs_to_its_user(node):
            node.tag = min((user.tag for user in node.users), key=[*tags].index)
    whole = split_by_tags(graph, [*tags])
    return [_step(name, getattr(whole, tag), graph) for tag, name in tags.items()]


def _replace_with_number(node: Node, number: int) -> None:
    """Replaces the node with a number wherever it is used."""

    def replaced(argument: Node) -> Node | int:
        return number if argument is node else argument

    for user in tuple(node.users):
        user.args = map_arg(user.args, replaced)


def _belongs_to_its_user(node: Node) -> bool:
    """Returns whether an operator prepares the input of a layer: an int8 layer must be lowered together with it.

    A quantize operator with a fixed range belongs to the step before it, so that this step returns int8.
    """
    operator = str(node.target)
    prepares = operator.startswith("quantized_decomposed") or node.target is getitem
    fixed = operator.startswith("quantized_decomposed.quantize") and not isinstance(node.args[1], Node)
    return prepares and not fixed


def _step(name: str, module: GraphModule, encoder: GraphModule) -> Part:
    """Returns a step of the encoder. The tensors between steps have the names of their nodes."""
    (encoder_input,) = (node.name for node in encoder.graph.nodes if node.op == "placeholder")
    (activations,) = encoder.graph.output_node().all_input_nodes
    names = {encoder_input: ENCODER_INPUT, activations.name: "activations"}

    def tensor_names(nodes: Iterable[Node]) -> tuple[str, ...]:
        return tuple(names.get(node.name, f"encoder.{node.name}") for node in nodes)

    placeholders = (node for node in module.graph.nodes if node.op == "placeholder")
    outputs = module.graph.output_node().all_input_nodes
    return Part(name, module, tensor_names(placeholders), tensor_names(outputs))
