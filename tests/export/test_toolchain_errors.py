"""Errors of the export toolchain become one LoweringError, unless they say nothing about the model."""

import pytest

from workbench.errors import LoweringError
from workbench.export.toolchain_errors import toolchain_errors


def test_toolchain_error_becomes_a_lowering_error() -> None:
    match = r"^lowering failed \(RuntimeError: no such operator\)$"
    with pytest.raises(LoweringError, match=match), toolchain_errors("lowering"):
        raise RuntimeError("no such operator\nand more")


def test_out_of_memory_is_no_lowering_error() -> None:
    with pytest.raises(MemoryError), toolchain_errors("lowering"):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried")
