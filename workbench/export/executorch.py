"""ExecuTorch programs: torch.export, edge dialect, delegation, and the `.pte` in memory with its metadata."""

from dataclasses import dataclass, replace

import torch
from executorch.exir import ExecutorchBackendConfig, ExecutorchProgramManager, to_edge_transform_and_lower
from executorch.exir.pass_base import PassResult
from executorch.exir.passes import MemoryPlanningPass
from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass
from torch import Tensor, nn
from torch.fx import GraphModule

from workbench.errors import LoweringError
from workbench.export.executorch_inspect import OperatorCounts, bytes_by_kind, bytes_of_constants, count_operators
from workbench.export.executorch_targets import TARGETS
from workbench.export.exporter import ExportInputs
from workbench.export.intent_check import check_lowered
from workbench.export.metadata import metadata_of
from workbench.export.operators.layer_names import LayerNames, layer_names, restore_layer_names
from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.export.toolchain.errors import toolchain_errors
from workbench.extras import Extra
from workbench.model.streaming import StreamingPesto
from workbench.private_names import without_unused_patterns
from workbench.progress import Progress
from workbench.quantize.calibration import excerpts
from workbench.quantize.pt2e.quantize import quantize
from workbench.quantize.pt2e.whole_graph import quantize_whole_graph
from workbench.quantize.results import Quantized
from workbench.recipe.options import (
    DEFAULT_SEGMENT_ALIGNMENT,
    STATE_BUFFER,
    ExecutorchBackend,
    InitialState,
    SegmentAlignment,
)

_RESET_INPUT = "which"  # the parameter of `_Reset.forward`


@dataclass(frozen=True)
class ExecutorchExporter:
    """The exporter of one ExecuTorch backend."""

    backend: ExecutorchBackend
    format: ProgramFormat = "pte"

    @property
    def extra(self) -> Extra:
        return TARGETS[self.backend].extra

    @property
    def run_instructions(self) -> str:
        return TARGETS[self.backend].run_instructions

    def export(self, inputs: ExportInputs, progress: Progress) -> ExportedProgram:
        """Quantizes what the rules name, lowers it, and checks that everything quantized is int8 in the program."""
        rules = inputs.rules
        graph = quantize_everywhere(inputs, progress) if rules.everywhere else None
        quantized = quantize_parts(inputs, progress) if rules.parts and not rules.everywhere else None
        program = lower(
            inputs.model,
            self.backend,
            graph,
            inputs.confidence_threshold,
            inputs.initial_state,
            inputs.segment_alignment,
        )
        if quantized is not None:
            check_lowered(quantized, program)
        return replace(program, quantized=quantized, made_with=self.extra.versions())


def quantize_everywhere(inputs: ExportInputs, progress: Progress) -> GraphModule:
    """Quantizes the whole graph and returns it; the model stays as it is. Raises LoweringError if this fails."""
    rules = inputs.rules
    longest = round(rules.seconds_per_clip * inputs.model.stream.sample_rate_hz)
    audio = excerpts(inputs.clips, longest, rules.seed)
    with toolchain_errors("quantizing the whole graph"):
        return quantize_whole_graph(inputs.model, audio, progress)


def quantize_parts(inputs: ExportInputs, progress: Progress) -> Quantized:
    """Quantizes the parts of the model in place. Raises LoweringError if a layer does not become what its rule says."""
    with toolchain_errors("quantizing"):
        return quantize(inputs.model, inputs.rules, inputs.clips, inputs.voiced_confidence, progress)


def lower(
    model: StreamingPesto,
    backend: ExecutorchBackend,
    graph: nn.Module | None = None,
    confidence_threshold: float | None = None,
    initial_state: InitialState = "each-method",
    segment_alignment: SegmentAlignment = DEFAULT_SEGMENT_ALIGNMENT,
) -> ExportedProgram:
    """Lowers a restated stream to a `.pte`.

    An internal state is zeroed first. Its zeros are stored in the file, because the format does not guarantee that a
    state starts at zero.

    Args:
        model: The stream. Its metadata become entries of the program.
        backend: The backend of ExecuTorch to delegate to.
        graph: The model quantized as a whole graph, which is lowered instead of the model.
        confidence_threshold: Becomes an entry of the metadata; it changes no estimate.
        initial_state: Where the zeros of an internal state are stored.
        segment_alignment: The parts of the file start at multiples of this many bytes.

    Raises:
        NotInstalledError: The backend is qualcomm and its SDK is missing.
        LoweringError: A stage of the toolchain fails, the backend takes an internal state out of the program, or a
            program whose state is not internal keeps one anyway.
    """
    lowered = lower_traced(model, backend, graph, confidence_threshold, initial_state, segment_alignment)
    pte = bytes(lowered.program.buffer)
    counts = lowered.counts
    bytes_by_part, bytes_by_dtype = bytes_of_constants(lowered.exported)
    return ExportedProgram(
        content=pte,
        format="pte",
        quantized_ops=counts.quantized_ops,
        float_ops=counts.float_ops,
        bytes_by_kind=bytes_by_kind(pte),
        bytes_by_part=bytes_by_part,
        bytes_by_dtype=bytes_by_dtype,
        nodes=counts.nodes,
    )


@dataclass(frozen=True)
class LoweredStream:
    """A stream on its way to a program.

    Attributes:
        exported: Its graph before lowering.
        program: The program.
        counts: The operators of the lowered graph.
        layers: The layers that the operators come from.
    """

    exported: torch.export.ExportedProgram
    program: ExecutorchProgramManager
    counts: OperatorCounts
    layers: LayerNames


def lower_traced(
    model: StreamingPesto,
    backend: ExecutorchBackend,
    graph: nn.Module | None = None,
    confidence_threshold: float | None = None,
    initial_state: InitialState = "each-method",
    segment_alignment: SegmentAlignment = DEFAULT_SEGMENT_ALIGNMENT,
    layers_of_quantized_parts: bool = False,
) -> LoweredStream:
    """Lowers a stream as `lower` does, with the same arguments and errors, and returns the graphs as well.

    With `layers_of_quantized_parts`, operators of parts that are quantized graphs have the names of their layers too.
    """
    model.reset()
    internal, metadata = model.state == "internal", metadata_of(model, confidence_threshold)
    with toolchain_errors(f"lowering to {backend}"), without_unused_patterns():
        partitioners = TARGETS[backend].partitioners()
        exported = _exported(model, graph or model)
        if layers_of_quantized_parts:
            restore_layer_names(exported, graph or model)
        methods = {"forward": exported, **({"reset": _exported_reset(model)} if internal else {})}
        edge = to_edge_transform_and_lower(methods, partitioner={"forward": partitioners}, constant_methods=metadata)
        state_buffers = list(edge.exported_program().graph_signature.buffers_to_mutate.values())
        if internal and state_buffers != [STATE_BUFFER]:
            raise LoweringError(
                f"lowering to {backend} {TARGETS[backend].state_taken_message.format(STATE_BUFFER)}; leave it to "
                "the host (state: explicit), or use another backend"
            )
        if not internal and state_buffers:
            raise LoweringError(
                f"lowering to {backend} left a state in the program ({', '.join(state_buffers)}), although the "
                f"recipe has state: {model.state}; use another backend"
            )
        counts = count_operators(edge)
        program = edge.to_executorch(
            ExecutorchBackendConfig(
                emit_mutable_buffer_names=True,  # by its name a session finds the state, to reset it
                passes=[_InitialState(initial_state)] if internal else [],
                memory_planning_pass=MemoryPlanningPass(share_mutable_buffers=internal),  # with `reset`
                segment_alignment=segment_alignment,
            )
        )
    model.reset()  # tracing ran the model
    return LoweredStream(exported, program, counts, layer_names(edge, program))


def lower_module(module: nn.Module, example: tuple[Tensor, ...], backend: ExecutorchBackend) -> bytes:
    """Returns the `.pte` of a module without a state, for inputs like the example.

    Raises LoweringError if a stage of the toolchain fails.
    """
    with toolchain_errors(f"lowering a module to {backend}"), without_unused_patterns():
        exported = torch.export.export(module, example)
        edge = to_edge_transform_and_lower(exported, partitioner=TARGETS[backend].partitioners())
        return bytes(edge.to_executorch().buffer)


def _exported(model: StreamingPesto, graph: nn.Module) -> torch.export.ExportedProgram:
    """Exports the graph for every length of call that the stream accepts.

    The example is a call of the largest size. With an example of fewer than 16 frames, a guard in torch's convolution
    dispatch would silently lower the largest size that the program accepts.
    """
    stream = model.stream
    if not stream.dynamic:
        return torch.export.export(graph, model.example(stream.max_frames))
    max_frames = max(stream.max_frames, 3)  # torch makes a range of 1 to 2 a constant; the metadata have the true limit
    example = model.example(max_frames)
    frames = torch.export.Dim("frames", min=stream.frames_per_chunk, max=max_frames)
    past = model.past_samples if model.state == "none" else 0
    shapes = ({1: stream.hop_samples * frames + past}, *(None for _ in example[1:]))
    return torch.export.export(graph, example, dynamic_shapes=shapes)


class _InitialState(InitializedMutableBufferPass):  # type: ignore[misc]
    """Stores the zeros of the state buffer with each method, or with `forward` only.

    Both methods have the state in the same memory, which `forward` fills with the zeros when it is loaded.
    """

    def __init__(self, initial_state: InitialState) -> None:
        super().__init__([STATE_BUFFER])
        self.initial_state = initial_state

    def call(self, graph_module: GraphModule) -> PassResult:
        inputs = {node.name for node in graph_module.graph.nodes if node.op == "placeholder"}
        if self.initial_state == "once" and _RESET_INPUT in inputs:
            return PassResult(graph_module, modified=False)
        return super().call(graph_module)


class _Reset(nn.Module):
    """Zeroes the state of the streams that `which`, (streams,) bool, selects.

    It shares the state buffer with `forward`, because the buffer has the same name.
    """

    ring: Tensor

    def __init__(self, ring: Tensor) -> None:
        super().__init__()
        self.register_buffer(STATE_BUFFER, ring)

    def forward(self, which: Tensor) -> Tensor:
        self.ring.copy_(self.ring.masked_fill(which[:, None], 0.0))
        return which.clone()


def _exported_reset(model: StreamingPesto) -> torch.export.ExportedProgram:
    which = torch.ones(model.stream.streams, dtype=torch.bool)
    return torch.export.export(_Reset(model.zero_state()), (which,))
