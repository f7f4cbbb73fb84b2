"""A program's file: its name and format, and whether it is intact."""

from pathlib import Path
from typing import get_args

import pytest

from tests.helpers.results import stored
from workbench.export.program_file import (
    FILE_NAMES,
    HOST_NAME,
    PTE_NAME,
    ProgramFormat,
    format_of,
    program_name,
    with_host_file,
)
from workbench.storage.hashing import sha256_of


def test_format_is_found_by_the_file_s_name() -> None:
    names = {name: format_of(program_name(name)) for name in get_args(ProgramFormat)}
    assert all(name == found for name, found in names.items())
    assert format_of("take.bin") == "pte"
    assert FILE_NAMES == ("program.pte", "program.onnx", "program.pt", "program.npz")


@pytest.mark.parametrize("damage", [None, PTE_NAME, HOST_NAME])
def test_program_is_intact_only_with_all_its_files(damage: str | None, tmp_path: Path) -> None:
    plain = stored().program
    assert plain is not None
    program = with_host_file(plain.replace(path=PTE_NAME, sha256=sha256_of(b"pte")), HOST_NAME, b"kernels")
    assert program.bytes == plain.bytes + len(b"kernels") and program.bytes_by_kind["host_file"] == len(b"kernels")
    (tmp_path / PTE_NAME).write_bytes(b"pte")
    assert not program.is_intact_in(tmp_path), "the host's file is missing"
    (tmp_path / HOST_NAME).write_bytes(b"kernels")
    if damage is not None:
        (tmp_path / damage).write_bytes(b"other")
    assert program.is_intact_in(tmp_path) == (damage is None)
