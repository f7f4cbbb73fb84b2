"""A program in memory and as a file: its format, its name, and what it contains."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from workbench.quantize.results import Calibration, Quantized, StoredWeights, TensorRange
from workbench.recipe.options import State
from workbench.record_model import RecordModel
from workbench.storage.hashing import sha256_of

ProgramFormat = Literal["pte", "onnx", "torchscript"]

SUFFIXES: dict[ProgramFormat, str] = {"pte": ".pte", "onnx": ".onnx", "torchscript": ".pt"}
"""The suffix of each format's file. `runtime.open_program` chooses the runtime by it."""


def program_name(program_format: ProgramFormat) -> str:
    """Returns the name of a program's file in this format."""
    return f"program{SUFFIXES[program_format]}"


def format_of(name: str) -> ProgramFormat:
    """Returns the format of a program by its file's name; a name without a known suffix is taken for a `.pte`."""
    return next((program_format for program_format, suffix in SUFFIXES.items() if name.endswith(suffix)), "pte")


PTE_NAME, HOST_NAME = program_name("pte"), "program.npz"
PROGRAM_SUFFIXES = tuple(SUFFIXES.values())
FILE_NAMES = (*map(program_name, SUFFIXES), HOST_NAME)


@dataclass(frozen=True)
class ExecutorchNodes:
    """What lowering made of the graph, counted by operator.

    `delegates` holds the backend and the number of nodes of each delegated subgraph, in order of execution.
    """

    delegated_ops: dict[str, int]
    portable_ops: dict[str, int]
    delegates: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ExportedProgram:
    """A program in memory, and what it contains.

    Only ExecuTorch has `nodes`; the other formats have `graph_ops`, by the names that the format has for them.
    """

    content: bytes
    format: ProgramFormat
    quantized_ops: dict[str, int]  # operators that run in int8 or have integer weights
    float_ops: dict[str, int]  # convolutions and matrix products with float weights
    bytes_by_kind: dict[str, int]  # of the file
    bytes_by_part: dict[str, int]  # of weights and constants, by the model's part
    bytes_by_dtype: dict[str, int]  # the same bytes, by their stored type
    nodes: ExecutorchNodes | None = None
    graph_ops: dict[str, int] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()  # constants that the exporter put in place of the streaming state
    made_with: dict[str, str] = field(default_factory=dict)  # versions of the packages that only this format needs
    quantized: Quantized | None = None


class Delegate(RecordModel):
    """One subgraph that a backend runs. Delegates are listed in order of execution.

    Attributes:
        backend: The backend that runs it.
        nodes: The number of its nodes.
    """

    backend: str
    nodes: int


class ProgramFile(RecordModel):
    """The record of a program's file. Bytes are counted in the file, nodes in the lowered graph.

    Attributes:
        path: The file, relative to the folder of the result.
        kind: The format of the file.
        bytes: The size of the file, and of the host's file if there is one.
        sha256: The hash of the file.
        state: Where the streaming state is.
        delegated_nodes: Nodes that a backend runs. Only an ExecuTorch program has them.
        portable_nodes: Nodes that ExecuTorch's portable kernels run. Only an ExecuTorch program has them.
        quantized_ops: Operators that run in int8, with their counts; products with float inputs and integer weights are
            counted by themselves (`linear_int8_weights`).
        float_ops: Operators that have float weights and run in float, with their counts.
        delegates: The subgraphs that a backend runs.
        delegated_ops: Operators within delegates, with their counts.
        portable_ops: Operators outside delegates, with their counts.
        bytes_by_kind: Bytes of the file, by kind: weights, graphs, constants and the rest.
        bytes_by_part: Bytes of weights and constants, by part of the model; an approximate front end by its stages.
        bytes_by_dtype: Bytes of weights and constants, by data type.
        schemes: The scheme of each layer in a quantized part, as the converted graph shows it.
        ranges: Every tensor with a fixed int8 range.
        weights: The layers of which only the weights are stored as integers.
        calibration: How the ranges were found.
        graph_ops: Operators of a format other than ExecuTorch, with their counts, by the names that the format has for
            them.
        frozen: The constants that an exporter put in place of the streaming state.
        made_with: The versions of the packages that only this format needs.
        host_path: The host's file, beside the program; "" if there is none.
        host_bytes: The size of the host's file.
        host_sha256: The hash of the host's file.
    """

    path: str
    kind: ProgramFormat = "pte"
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
    schemes: dict[str, str]
    ranges: tuple[TensorRange, ...]
    weights: tuple[StoredWeights, ...] = ()
    calibration: Calibration | None
    graph_ops: dict[str, int] = Field(default={})
    frozen: tuple[str, ...] = ()
    made_with: dict[str, str] = Field(default={})
    host_path: str = ""
    host_bytes: int = 0
    host_sha256: str = ""

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of the program's file, and of the host's file if there is one, by name."""
        return {self.path: self.sha256} | ({self.host_path: self.host_sha256} if self.host_path else {})

    def is_intact_in(self, folder: Path) -> bool:
        """Returns whether the folder has all of its files, with the same bytes."""
        try:
            return all(sha256_of(folder / path) == sha256 for path, sha256 in self.files.items())
        except OSError:
            return False


def with_host_file(program: ProgramFile, path: str, content: bytes) -> ProgramFile:
    """Returns the program with the file that its host needs, which is stored at `path` beside it."""
    return program.replace(
        bytes=program.bytes + len(content),
        bytes_by_kind={**program.bytes_by_kind, "host_file": len(content)},
        host_path=path,
        host_bytes=len(content),
        host_sha256=sha256_of(content),
    )


def describe(program: ExportedProgram, path: str, state: State) -> ProgramFile:
    """Returns the record of a program that is stored at `path`, with its state kept as `state` says."""
    nodes, quantized = program.nodes, program.quantized
    null_reasons: dict[str, str] = {}
    if nodes is None:
        reason = f"only ExecuTorch delegates; {program.format} has graph_ops"
        null_reasons |= {"delegated_nodes": reason, "portable_nodes": reason}
    if quantized is None:
        null_reasons["calibration"] = "no part of it was quantized by itself"
    elif quantized.calibration is None:
        null_reasons["calibration"] = (
            "only weights are integers, so nothing is calibrated; weights has the error of each layer"
        )
    return ProgramFile(
        path=path,
        kind=program.format,
        bytes=len(program.content),
        sha256=sha256_of(program.content),
        state=state,
        delegated_nodes=sum(nodes.delegated_ops.values()) if nodes else None,
        portable_nodes=sum(nodes.portable_ops.values()) if nodes else None,
        quantized_ops=program.quantized_ops,
        float_ops=program.float_ops,
        delegates=tuple(Delegate(backend=backend, nodes=count) for backend, count in nodes.delegates) if nodes else (),
        delegated_ops=nodes.delegated_ops if nodes else {},
        portable_ops=nodes.portable_ops if nodes else {},
        bytes_by_kind=program.bytes_by_kind,
        bytes_by_part=program.bytes_by_part,
        bytes_by_dtype=program.bytes_by_dtype,
        schemes=quantized.schemes if quantized else {},
        ranges=quantized.ranges if quantized else (),
        weights=quantized.weights if quantized else (),
        calibration=quantized.calibration if quantized else None,
        graph_ops=program.graph_ops,
        frozen=program.frozen,
        made_with=program.made_with,
        null_reasons=null_reasons,
    )
