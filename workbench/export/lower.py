"""torch.export -> edge -> delegate -> `.pte`, in memory. What the program carries besides its code is decided here."""

from collections import Counter
from typing import Literal

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeProgramManager, ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass

from workbench.errors import LoweringError
from workbench.export.contract import STATE_BUFFER, constants
from workbench.export.program import Lowered
from workbench.model.streaming import StreamingPesto

Backend = Literal["xnnpack", "portable"]


def lower(model: StreamingPesto, backend: Backend) -> Lowered:
    """Lower a restated stream. The memory is emptied first; its initial zeros are stored, as the format promises none.

    Raises LoweringError where any stage of the toolchain refuses, or where the memory was frozen into a constant.
    """
    model.reset()
    example = (torch.zeros(model.ring.shape[0], model.stream.chunk_samples),)
    tells = constants(model.stream, model.algorithmic_ms, model.reduce.reduction)
    partitioners = [XnnpackPartitioner()] if backend == "xnnpack" else []
    try:
        exported = torch.export.export(model, example)
        edge = to_edge_transform_and_lower(exported, partitioner=partitioners, constant_methods=tells)
        if list(edge.exported_program().graph_signature.buffers_to_mutate.values()) != [STATE_BUFFER]:
            raise LoweringError(
                f"lowering to {backend} froze the stream's memory ({STATE_BUFFER}) into a constant: the program would "
                "forget all audio between calls; use another backend"
            )
        delegated, portable, delegates = _count(edge)
        program = edge.to_executorch(
            ExecutorchBackendConfig(
                emit_mutable_buffer_names=True,  # by which a session finds the memory, to reset it
                passes=[InitializedMutableBufferPass([STATE_BUFFER])],
            )
        )
    except LoweringError:
        raise
    except Exception as error:  # the toolchain raises what it likes
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LoweringError(f"lowering to {backend} failed ({type(error).__name__}: {first})") from error
    finally:
        model.reset()  # tracing ran the model
    pte = bytes(program.buffer)
    return Lowered(pte, delegated, portable, delegates, _bytes_by_kind(pte), _bytes_by_part(exported))


def _count(edge: EdgeProgramManager) -> tuple[dict[str, int], dict[str, int], tuple[tuple[str, int], ...]]:
    """Operators inside the delegates, operators outside, and the delegates in order."""
    delegated: Counter[str] = Counter()
    delegates = []
    top = edge.exported_program().graph_module
    portable = _operators(top.graph)
    for node in top.graph.nodes:
        if node.op == "call_function" and node.target is torch.ops.higher_order.executorch_call_delegate:
            lowered = getattr(top, node.args[0].target)
            inside = _operators(lowered.original_module.graph)
            delegates.append((lowered.backend_id, inside.total()))
            delegated += inside
    return dict(sorted(delegated.items())), dict(sorted(portable.items())), tuple(delegates)


def _operators(graph: torch.fx.Graph) -> Counter[str]:
    """Operators by their plain name (`convolution`), delegate calls and tuple access left out."""
    names: Counter[str] = Counter()
    for node in graph.nodes:
        schema = getattr(getattr(node.target, "_op", node.target), "_schema", None)
        if node.op == "call_function" and schema is not None:
            names[schema.name.split("::")[-1]] += 1
    return names


def _bytes_by_part(exported: torch.export.ExportedProgram) -> dict[str, int]:
    """Bytes of parameters and buffers by the model's part; the stream's memory is none of the program's weights."""
    parts: Counter[str] = Counter()
    for name, tensor in exported.state_dict.items():
        if name == STATE_BUFFER:
            continue
        words = name.split(".")
        part = ".".join(words[:2]) if words[0] == "encoder" else words[0]
        parts[part] += tensor.numel() * tensor.element_size()
    return dict(parts.most_common())


def _bytes_by_kind(pte: bytes) -> dict[str, int]:
    """Where a `.pte` has its bytes: the delegates' weights and graphs, other constants, the empty memory, the rest."""
    file = deserialize_pte_binary(pte)
    weights = sum(len(buffer) for buffer in file.named_data.buffers) if file.named_data else 0
    graphs = sum(len(blob.data) for blob in file.program.backend_delegate_data)
    tensors = sum(len(buffer.storage) for buffer in file.program.constant_buffer)
    memory = sum(len(buffer.storage) for buffer in file.mutable_data or [])
    kinds = {
        "delegate_weights": weights,
        "delegate_graphs": graphs,
        "other_constants": tensors,
        "initial_state": memory,
    }
    return {**kinds, "rest": len(pte) - sum(kinds.values())}
