"""The artefact: what a program's file holds, and where its bytes are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.quantize.results import Calibration, Quantized, TensorRange
from workbench.record_model import RecordModel


@dataclass(frozen=True)
class Lowered:
    """A program in memory and what lowering made of the graph, counted by operator."""

    pte: bytes
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    delegates: tuple[tuple[str, int], ...]  # backend and nodes of each delegated subgraph, in order of execution
    quantized_ops: dict[str, int]  # convolutions, Linears, adds and leaky ReLUs that run in int8
    float_ops: dict[str, int]  # convolutions and Linears that run in float
    bytes_by_kind: dict[str, int]  # of the file
    bytes_by_part: dict[str, int]  # weights and constants of the exported model, by its part
    bytes_by_dtype: dict[str, int]  # the same, by the type they are stored in


Kind = Literal["pte", "onnx", "torchscript"]
_NAMES: dict[str, str] = {"onnx": "program.onnx", "torchscript": "program.pt"}
PTE_NAME, HOST_NAME = "program.pte", "program.npz"
FILE_NAMES = (PTE_NAME, *_NAMES.values(), HOST_NAME)
PROGRAM_SUFFIXES = (".pte", ".onnx", ".pt")


def file_name_for(backend: str) -> str:
    """What the file of a program for this backend is called."""
    return _NAMES.get(backend, PTE_NAME)


def format_of(name: str) -> Kind:
    """Of what kind a program is, by its file's name."""
    return "onnx" if name.endswith(".onnx") else "torchscript" if name.endswith(".pt") else "pte"


@dataclass(frozen=True)
class Exported:
    """A program in a format other than ExecuTorch's, in memory, and what is in it."""

    content: bytes
    kind: Kind
    graph_ops: dict[str, int]
    quantized_ops: dict[str, int]  # that run in int8, by the names that the format has for them
    float_ops: dict[str, int]  # convolutions and matrix products that do not
    bytes_by_kind: dict[str, int]
    bytes_by_part: dict[str, int]
    bytes_by_dtype: dict[str, int]
    made_with: dict[str, str]
    frozen: tuple[str, ...] = ()


class Delegate(RecordModel):
    """One subgraph that a backend runs: its place in the order of execution is its place in the list."""

    backend: str
    nodes: int


class ProgramFile(RecordModel):
    """A program as written. Byte figures are read from the file, node figures from the lowered graph.

    `delegated_nodes` and `portable_nodes` are ExecuTorch's alone; `graph_ops` are the operators of the others' files,
    by the names that their format has for them. `bytes` and `bytes_by_kind` include the host's file, where there is
    one. `frozen` names the constants that an exporter put where the stream's past audio belongs.
    """

    path: str  # relative to the record
    kind: Kind = "pte"
    bytes: int
    sha256: str
    state: str
    delegated_nodes: int | None
    portable_nodes: int | None
    quantized_ops: dict[str, int]
    float_ops: dict[str, int]
    delegates: tuple[Delegate, ...]
    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    bytes_by_kind: dict[str, int]
    bytes_by_part: dict[str, int]
    bytes_by_dtype: dict[str, int]
    schemes: dict[str, str]  # of each layer in a part that was quantized, read off the converted graph
    ranges: tuple[TensorRange, ...]
    calibration: Calibration | None
    graph_ops: dict[str, int] = Field(default={})
    frozen: tuple[str, ...] = ()
    made_with: dict[str, str] = Field(default={})  # versions of what only this kind of program needs
    host_path: str = ""  # of the host's file, beside the program; empty where there is none
    host_bytes: int = 0
    host_sha256: str = ""

    @property
    def files(self) -> dict[str, str]:
        """Its files, and what its host needs beside them, each with its SHA-256."""
        return {self.path: self.sha256} | ({self.host_path: self.host_sha256} if self.host_path else {})

    def is_intact_in(self, folder: Path) -> bool:
        """Whether all of its files are there, with the same bytes."""
        try:
            return all(
                hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha256
                for path, sha256 in self.files.items()
            )
        except OSError:
            return False


def with_host_file(program: ProgramFile, path: str, content: bytes) -> ProgramFile:
    """The same program with the file that its host needs beside it."""
    return program.model_copy(
        update={
            "bytes": program.bytes + len(content),
            "bytes_by_kind": {**program.bytes_by_kind, "host_file": len(content)},
            "host_path": path,
            "host_bytes": len(content),
            "host_sha256": hashlib.sha256(content).hexdigest(),
        }
    )


def describe(lowered: Lowered, path: str, state: str, quantized: Quantized | None = None) -> ProgramFile:
    """The record of a lowered program that is stored at `path`."""
    return _described(
        lowered,
        lowered.pte,
        quantized,
        {},
        path=path,
        state=state,
        delegated_nodes=sum(lowered.delegated_ops.values()),
        portable_nodes=sum(lowered.portable_ops.values()),
        delegates=tuple(Delegate(backend=backend, nodes=nodes) for backend, nodes in lowered.delegates),
        delegated_ops=lowered.delegated_ops,
        portable_ops=lowered.portable_ops,
    )


def describe_exported(exported: Exported, path: str, state: str, quantized: Quantized | None = None) -> ProgramFile:
    """The record of a program of another format that is stored at `path`."""
    why = f"only ExecuTorch delegates; {exported.kind} has graph_ops"
    return _described(
        exported,
        exported.content,
        quantized,
        {"delegated_nodes": why, "portable_nodes": why},
        path=path,
        state=state,
        kind=exported.kind,
        delegated_nodes=None,
        portable_nodes=None,
        delegates=(),
        delegated_ops={},
        portable_ops={},
        graph_ops=exported.graph_ops,
        frozen=exported.frozen,
        made_with=exported.made_with,
    )


def _described(
    made: Lowered | Exported, content: bytes, quantized: Quantized | None, nulls: dict[str, str], **own: Any
) -> ProgramFile:
    """What the record of every program has, with what only its format has."""
    return ProgramFile(
        **own,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        quantized_ops=made.quantized_ops,
        float_ops=made.float_ops,
        bytes_by_kind=made.bytes_by_kind,
        bytes_by_part=made.bytes_by_part,
        bytes_by_dtype=made.bytes_by_dtype,
        schemes=quantized.schemes if quantized else {},
        ranges=quantized.ranges if quantized else (),
        calibration=quantized.calibration if quantized else None,
        null_reasons=nulls if quantized else nulls | {"calibration": "no part of it was quantized by itself"},
    )
