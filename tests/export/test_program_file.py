"""A program's file: its name and format, its record, and whether it is intact."""

from pathlib import Path
from typing import get_args

from tests.helpers.records.results import stored
from workbench.export.program_file import (
    FILE_NAMES,
    HOST_NAME,
    PTE_NAME,
    ExportedProgram,
    ProgramFormat,
    describe,
    format_of,
    program_name,
    with_host_file,
)
from workbench.storage.hashing import sha256_of


def test_format_is_found_by_the_file_s_name() -> None:
    assert all(format_of(program_name(name)) == name for name in get_args(ProgramFormat))
    assert format_of("take.bin") == "pte"
    assert FILE_NAMES == ("program.pte", "program.onnx", "program.pt", "program.npz")


def test_only_executorch_programs_have_node_counts() -> None:
    onnx = ExportedProgram(b"x", "onnx", {}, {}, {}, {}, {}, graph_ops={"Conv": 7})
    record = describe(onnx, "program.onnx", "explicit")
    assert (record.delegated_nodes, record.portable_nodes, record.graph_ops) == (None, None, {"Conv": 7})
    assert set(record.null_reasons) == {"delegated_nodes", "portable_nodes", "calibration"}


def test_program_is_intact_only_with_all_its_files(tmp_path: Path) -> None:
    plain = stored().program
    assert plain is not None
    program = with_host_file(plain.replace(path=PTE_NAME, sha256=sha256_of(b"pte")), HOST_NAME, b"kernels")
    assert program.bytes == plain.bytes + len(b"kernels") and program.bytes_by_kind["host_file"] == len(b"kernels")
    intact = []
    for name, content in ((PTE_NAME, b"pte"), (HOST_NAME, b"kernels"), (PTE_NAME, b"other"), (PTE_NAME, b"pte")):
        (tmp_path / name).write_bytes(content)
        intact.append(program.is_intact_in(tmp_path))
    assert intact == [False, True, False, True]
