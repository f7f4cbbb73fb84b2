"""Memory and processor, from files as Linux writes them."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from workbench.runtime import process_info
from workbench.runtime.process_info import cpu_instructions, last_cache_bytes, peak_rss_bytes, resident_bytes


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that does not exist yet, in place of every file of the system."""
    for name in ("_STATUS", "_CPUINFO"):
        monkeypatch.setattr(process_info, name, tmp_path / "file")
    monkeypatch.setattr(process_info, "_CACHES", tmp_path)
    return tmp_path / "file"


def test_peak_rss_is_read_from_status(file: Path) -> None:
    file.write_text("Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t     300 kB\nVmRSS:\t     200 kB\n")
    assert peak_rss_bytes() == 300 * 1024


def test_peak_rss_of_windows_is_that_of_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    memory = SimpleNamespace(rss=200, peak_wset=300)
    monkeypatch.setattr(psutil, "Process", lambda *_: SimpleNamespace(memory_info=lambda: memory))
    assert (peak_rss_bytes(), resident_bytes()) == (300, 200)


def test_without_files_of_the_system_there_are_defaults(file: Path) -> None:
    assert peak_rss_bytes() > 10_000_000  # a missing factor of 1024 would make it a few hundred thousand
    assert (cpu_instructions(), last_cache_bytes()) == (None, 64_000_000)


def test_resident_memory_is_below_the_peak() -> None:
    assert 10_000_000 < resident_bytes() <= peak_rss_bytes()


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx avx2 fma avx512_vnni\n\n", ("fma", "avx", "avx2", "avx512_vnni")),
        ("processor : 0\nFeatures\t: fp asimd asimddp\n", ("asimd", "asimddp")),
        ("processor : 0\n", None),
    ],
    ids=["x86", "arm", "not listed"],
)
def test_cpu_instructions(file: Path, cpuinfo: str, found: tuple[str, ...] | None) -> None:
    file.write_text(cpuinfo)
    assert cpu_instructions() == found


def test_the_largest_cache_is_found(file: Path) -> None:
    for index, size in enumerate(("32K\n", "2M\n", "512K\n")):
        (file.parent / f"index{index}").mkdir()
        (file.parent / f"index{index}" / "size").write_text(size)
    assert last_cache_bytes() == 2 * 1024**2
