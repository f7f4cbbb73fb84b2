"""What the system reports of a process and of the processor. Linux lists the latter below /proc and /sys."""

import re
import sys
from pathlib import Path

INT8_DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")  # of 8-bit integers, one instruction
_INSTRUCTIONS = ("fma", "avx", "avx2", "avx512f", "asimd", "sve", *INT8_DOT_PRODUCTS)
_STATUS = Path("/proc/self/status")
_CPUINFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNKNOWN_CACHE_BYTES = 64_000_000  # more than most processors have


def peak_rss_bytes() -> int:
    """Returns the largest resident memory of this process so far, in bytes.

    psutil has the peak only on Windows. Linux hands `ru_maxrss` on to every process that is started, so a child would
    report its parent's peak. `VmHWM` is that of the process itself.
    """
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    if _STATUS.is_file():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # only Unix has it

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes(pid: int | None = None) -> int:
    """Returns the resident memory of a process now, in bytes; without `pid`, of this process."""
    import psutil  # as `resource` above: on Unix, psutil imports that itself

    return int(psutil.Process(pid).memory_info().rss)


def cpu_instructions() -> tuple[str, ...] | None:
    """Returns the instruction sets of this processor that its peaks depend on; None if the system lists none."""
    if not _CPUINFO.is_file():
        return None
    listed = re.search(r"^(?:flags|Features)\s*:(.*)$", _CPUINFO.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if listed is None:
        return None
    return tuple(name for name in _INSTRUCTIONS if name in listed[1].split())


def last_cache_bytes() -> int:
    """Returns the size of the largest cache of the first core, in bytes; 64 MB if the system lists none."""
    units = {"K": 1024, "M": 1024**2}
    sizes = [path.read_text(encoding="utf-8").strip() for path in _CACHES.glob("index*/size")]
    return max((int(size[:-1]) * units[size[-1]] for size in sizes if size[-1:] in units), default=_UNKNOWN_CACHE_BYTES)
