"""Memory and processor, from files as Linux writes them."""

from pathlib import Path

import pytest

from workbench.measure import process_info
from workbench.measure.process_info import cpu_instructions, last_cache_bytes, peak_rss_bytes, resident_bytes


def test_peak_rss_is_read_from_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t     300 kB\nVmRSS:\t     200 kB\n")
    monkeypatch.setattr(process_info, "_STATUS", status)
    assert peak_rss_bytes() == 300 * 1024


def test_memory_without_proc_is_the_peak_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_info, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(process_info, "_STATM", tmp_path / "none")
    assert peak_rss_bytes() > 10_000_000
    assert resident_bytes() > 10_000_000  # a missing factor of 1024 would make it a few hundred thousand


def test_resident_memory_is_below_the_peak() -> None:
    assert 10_000_000 < resident_bytes() <= peak_rss_bytes()


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx avx2 fma avx512_vnni\n\n", ("fma", "avx", "avx2", "avx512_vnni")),
        ("processor : 0\nFeatures\t: fp asimd asimddp\n", ("asimd", "asimddp")),
        ("processor : 0\n", None),
        (None, None),
    ],
    ids=["x86", "arm", "not listed", "no file"],
)
def test_cpu_instructions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str | None, found: tuple[str, ...] | None
) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    monkeypatch.setattr(process_info, "_CPUINFO", file)
    assert cpu_instructions() == found


def test_the_largest_cache_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, size in enumerate(("32K\n", "2M\n", "512K\n")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(size)
    monkeypatch.setattr(process_info, "_CACHES", tmp_path)
    assert last_cache_bytes() == 2 * 1024**2
    monkeypatch.setattr(process_info, "_CACHES", tmp_path / "none")
    assert last_cache_bytes() == 64_000_000
