"""A stream cut into parts that can be lowered and timed alone, and that give the stream's own numbers when chained.

The encoder, in float or quantized, is cut along its graph: every operator belongs to the layer that it was traced from,
or, standing between two, to the one before. So no form of it has to be known here, and nothing can be left out.
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

AUDIO, RING = "audio", STATE_BUFFER
_STEP = re.compile(r"encoder\.(prefilter\.\d+|[a-z]\w*)")


@dataclass
class Part:
    """A step of the stream: the names of the tensors that it hears, and of those that it makes.

    `example` are tensors of the kind that it hears. A ring of past audio inside `module` is the stream's.
    """

    name: str
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: list[Layer] = field(default_factory=list)
    example: tuple[Tensor, ...] = ()


class _FrontEnd(nn.Module):
    """Audio -> energy of each bin, with the stream's memory: (streams, samples) -> (frames, bins), float32."""

    def __init__(self, model: StreamingPesto) -> None:
        super().__init__()
        self.framing, self.frontend, self.past_samples = model.framing, model.frontend, model.past_samples
        if model.state == "internal":
            self.register_buffer(STATE_BUFFER, model.zero_state())

    def forward(self, audio: Tensor, ring: Tensor | None = None) -> tuple[Tensor, ...]:
        window = torch.cat((self.get_buffer(STATE_BUFFER) if ring is None else ring, audio), -1)
        energy: Tensor = self.frontend(self.framing(window))
        past = window[:, window.shape[-1] - self.past_samples :]
        if ring is not None:
            return energy, past
        self.get_buffer(STATE_BUFFER).copy_(past)
        return (energy,)


class _Log(nn.Module):
    """Energy -> its logarithm, and those of the bins that the encoder hears."""

    def __init__(self, crop: slice) -> None:
        super().__init__()
        self.crop = crop

    def forward(self, energy: Tensor) -> tuple[Tensor, Tensor]:
        log_energy = energy.log()
        return log_energy, log_energy[:, self.crop]


@torch.no_grad()
def cut(model: StreamingPesto, calls: Sequence[Tensor]) -> list[Part]:
    """The parts of a stream in the order in which they run, with their layers and examples.

    `calls`, (streams, samples) float32 each, run through it first: examples are of the last one.
    """
    memory = (RING,) if model.state == "explicit" else ()
    frontend = Part("frontend", _FrontEnd(model), (AUDIO, *memory), ("energy", *memory))
    values = {RING: model.zero_state()}
    for audio in calls:
        values[AUDIO] = audio
        values |= _run(frontend, values)
    heard = values["energy"].log()[:, model.crop]
    graph = traced(model.encoder, (heard,))
    encoder = _cut_encoder(copy.deepcopy(graph), len(heard))  # which tags it
    ends = {
        "pitch": Part("reduce", model.reduce, ("activations",), ("pitch",)),
        "confidence": Part("confidence", model.confidence, ("energy", "log_energy"), ("confidence",)),
        "volume": Part("total", model.total, ("energy",), ("volume",)),
    }
    returned = [ends[output] for output in model.outputs]
    parts = [
        frontend,
        Part("log", _Log(model.crop), ("energy",), ("log_energy", "heard")),
        *encoder,
        *returned,
    ]
    for part in parts:
        part.example = tuple(values[name].contiguous() for name in part.inputs)
        if part is not frontend:
            values |= _run(part, values)
    window = torch.cat((model.zero_state(), values[AUDIO]), -1)
    frontend.layers = _layers(model.frontend, (model.framing(window),), "frontend")
    counted = layers_in(graph, (heard,), "encoder")
    for part in encoder:
        part.layers = [layer for layer in counted if f"{layer.name}.".startswith(f"{part.name}.")]
    for part in returned:
        part.layers = _layers(part.module, part.example, part.name)
    return parts


def _run(part: Part, values: dict[str, Tensor]) -> dict[str, Tensor]:
    made = part.module(*(values[name] for name in part.inputs))
    return dict(zip(part.outputs, (made,) if isinstance(made, Tensor) else made, strict=True))


def _layers(module: nn.Module, inputs: tuple[Tensor, ...], name: str) -> list[Layer]:
    return layers_in(traced(module, inputs), inputs, name)


def _cut_encoder(graph: GraphModule, frames: int) -> list[Part]:
    """A part for each step of the encoder, for calls of so many frames; the first hears "heard", the last makes
    "activations"."""
    tags: dict[str, str] = {}  # of split_by_tags, and so names of modules: the step of each
    for node in graph.graph.nodes:
        if "sym_size" in str(node.target):  # a part takes calls of one size
            _put_number(node, frames)
        elif node.op == "call_function":
            if found := _STEP.match(layer_of(node, "encoder")):
                tags.setdefault(found[0].replace(".", "_"), found[0])
            node.tag = next(reversed(tags), "")  # none yet where weights are dequantized
    graph.graph.eliminate_dead_code()
    for node in reversed(graph.graph.nodes):
        if node.op == "call_function" and _goes_with_its_user(node):
            node.tag = min((user.tag for user in node.users), key=[*tags].index)
    whole = split_by_tags(graph, [*tags])
    return [_step(name, getattr(whole, tag), graph) for tag, name in tags.items()]


def _put_number(node: Node, number: int) -> None:
    """Put a number wherever the node is used."""

    def put(each: Node) -> Node | int:
        return number if each is node else each

    for user in tuple(node.users):
        user.args = map_arg(user.args, put)


def _goes_with_its_user(node: Node) -> bool:
    """Whether an operator readies what a layer hears: a layer in int8 has to be lowered with them.

    The quantize of a fixed range belongs to what makes the tensor: it is handed on as int8.
    """
    operator = str(node.target)
    fixed = operator.startswith("quantized_decomposed.quantize") and not isinstance(node.args[1], Node)
    readies = operator.startswith("quantized_decomposed") or node.target is getitem
    return readies and not fixed


def _step(name: str, module: GraphModule, encoder: GraphModule) -> Part:
    """A step of the encoder; tensors between steps go by the names of their nodes."""
    (heard,) = (node.name for node in encoder.graph.nodes if node.op == "placeholder")
    (made,) = encoder.graph.output_node().all_input_nodes
    names = {heard: "heard", made.name: "activations"}

    def named(nodes: Iterable[Node]) -> tuple[str, ...]:
        return tuple(names.get(node.name, f"encoder.{node.name}") for node in nodes)

    placeholders = (node for node in module.graph.nodes if node.op == "placeholder")
    return Part(name, module, named(placeholders), named(module.graph.output_node().all_input_nodes))
