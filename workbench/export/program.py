"""The artefact: what a `.pte` file holds, and where its bytes are."""

import hashlib
from dataclasses import dataclass

from workbench.section import Section

# Operators whose weights and multiply-adds decide what a program costs.
_WEIGHTED = ("convolution", "linear", "addmm", "mm")


@dataclass(frozen=True)
class Lowered:
    """A program in memory and what lowering made of the graph, counted by operator."""

    pte: bytes
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    delegates: tuple[tuple[str, int], ...]  # backend and nodes of each delegated subgraph, in order of execution
    bytes_by_kind: dict[str, int]  # of the file
    bytes_by_part: dict[str, int]  # weights and constants of the exported model, by its part


class Delegate(Section):
    """One subgraph that a backend runs: its place in the order of execution is its place in the list."""

    backend: str
    nodes: int


class ProgramFile(Section):
    """A `.pte` as written. Byte figures are read from the file, node figures from the lowered graph."""

    path: str  # relative to the record
    bytes: int
    sha256: str
    state: str
    delegated_nodes: int
    portable_nodes: int
    quantized_ops: dict[str, int]
    float_ops: dict[str, int]
    delegates: tuple[Delegate, ...]
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    bytes_by_kind: dict[str, int]
    bytes_by_part: dict[str, int]


def describe(lowered: Lowered, path: str, state: str) -> ProgramFile:
    """The record of a lowered program that is stored at `path`."""
    ops = {name: count for name, count in lowered.delegated_ops.items() if name in _WEIGHTED}
    for name, count in lowered.portable_ops.items():
        if name in _WEIGHTED:
            ops[name] = ops.get(name, 0) + count
    return ProgramFile(
        path=path,
        bytes=len(lowered.pte),
        sha256=hashlib.sha256(lowered.pte).hexdigest(),
        state=state,
        delegated_nodes=sum(lowered.delegated_ops.values()),
        portable_nodes=sum(lowered.portable_ops.values()),
        quantized_ops={},  # the schema takes no quantization yet
        float_ops=ops,
        delegates=tuple(Delegate(backend=backend, nodes=nodes) for backend, nodes in lowered.delegates),
        delegated_ops=lowered.delegated_ops,
        portable_ops=lowered.portable_ops,
        bytes_by_kind=lowered.bytes_by_kind,
        bytes_by_part=lowered.bytes_by_part,
    )
