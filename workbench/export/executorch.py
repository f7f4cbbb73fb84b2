"""torch.export -> edge -> delegate -> `.pte`, in memory. What the program carries besides its code is decided here."""

import io
from contextlib import redirect_stderr

import torch
from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir.passes import MemoryPlanningPass
from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass
from torch import Tensor, nn

from workbench.errors import LoweringError
from workbench.export.backends import TARGETS
from workbench.export.executorch_inspect import _bytes_by_kind, _bytes_of_constants, _count
from workbench.export.program_file import Lowered
from workbench.export.told import metadata_of
from workbench.export.toolchain_errors import toolchain_errors
from workbench.model.streaming import StreamingPesto
from workbench.recipe.options import STATE_BUFFER, ExecutorchBackend


def lower(
    model: StreamingPesto,
    backend: ExecutorchBackend,
    graph: nn.Module | None = None,
    confidence_threshold: float | None = None,
) -> Lowered:
    """Lower a restated stream, or `graph` in its place: what quantizing it as a whole made of it.

    `confidence_threshold` is told by the program, to whoever shows its pitch; it changes no estimate.

    An internal memory is emptied first; its initial zeros are stored, as the format promises none.

    Raises NotInstalledError for qualcomm without its SDK (the extras of other backends are the caller's to look for),
    and LoweringError where any stage of the toolchain refuses, where an internal memory is no longer the program's, or
    where a program with explicit state remembers something itself.
    """
    model.reset()
    internal, tells = model.state == "internal", metadata_of(model, confidence_threshold)
    with toolchain_errors(f"lowering to {backend}"):
        partitioners = TARGETS[backend].partitioners()
        exported = _exported(model, graph or model)
        methods = {"forward": exported, **({"reset": _exported_reset(model)} if internal else {})}
        with redirect_stderr(io.StringIO()):  # where some backends draw progress bars of their own
            edge = to_edge_transform_and_lower(methods, partitioner={"forward": partitioners}, constant_methods=tells)
        remembers = list(edge.exported_program().graph_signature.buffers_to_mutate.values())
        if internal and remembers != [STATE_BUFFER]:
            raise LoweringError(
                f"lowering to {backend} {TARGETS[backend].state_taken_message.format(STATE_BUFFER)}; leave it to "
                "the host (state: explicit), or use another backend"
            )
        if not internal and remembers:
            raise LoweringError(
                f"lowering to {backend} left a memory in the program ({', '.join(remembers)}), where its state was to "
                "be explicit; use another backend"
            )
        counted = _count(edge)
        program = edge.to_executorch(
            ExecutorchBackendConfig(
                emit_mutable_buffer_names=True,  # by which a session finds the memory, to reset it
                passes=[InitializedMutableBufferPass([STATE_BUFFER])] if internal else [],
                memory_planning_pass=MemoryPlanningPass(share_mutable_buffers=internal),  # with `reset`
            )
        )
    model.reset()  # tracing ran the model
    pte = bytes(program.buffer)
    return Lowered(pte, *counted, _bytes_by_kind(pte), *_bytes_of_constants(exported))


def lower_module(module: nn.Module, example: tuple[Tensor, ...], backend: ExecutorchBackend) -> tuple[bytes, int]:
    """A module by itself, for calls like the example, as the whole stream would be lowered; its memory, if any, is
    named as the stream's. Returns its `.pte`, and the bytes of the constants that it reads.

    Raises LoweringError where any stage of the toolchain refuses.
    """
    with toolchain_errors(f"lowering a part to {backend}"):
        exported = torch.export.export(module, example)
        remembers = bool(exported.graph_signature.buffers_to_mutate)
        edge = to_edge_transform_and_lower(exported, partitioner=TARGETS[backend].partitioners())
        passes = [InitializedMutableBufferPass([STATE_BUFFER])] if remembers else []
        program = edge.to_executorch(ExecutorchBackendConfig(passes=passes))
    _, by_type = _bytes_of_constants(exported)
    return bytes(program.buffer), sum(by_type.values())


def _exported(model: StreamingPesto, graph: nn.Module) -> torch.export.ExportedProgram:
    """The graph for every call that the stream takes.

    The example is the largest one: from fewer than 16 frames, a guard in torch's convolution dispatch would silently
    lower the bound.
    """
    stream = model.stream
    if not stream.dynamic:
        return torch.export.export(graph, model.example(stream.max_frames))
    most = max(stream.max_frames, 3)  # of 1 and 2 alone, torch makes a constant; hosts are told what the stream takes
    example = model.example(most)
    frames = torch.export.Dim("frames", min=stream.frames_per_chunk, max=most)
    past = model.past_samples if model.state == "none" else 0
    shapes = ({1: stream.hop_samples * frames + past}, *(None for _ in example[1:]))
    return torch.export.export(graph, example, dynamic_shapes=shapes)


class _Reset(nn.Module):
    """`which` (streams,) bool -> nothing: those streams forget all audio. Finds the memory by its name."""

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
