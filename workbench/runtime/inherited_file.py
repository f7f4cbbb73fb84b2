"""An open file that a new process inherits."""

import sys
from collections.abc import Callable
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
    from multiprocessing.reduction import DupHandle
else:
    from multiprocessing.reduction import DupFd

_GENERIC_WRITE = 0x40000000  # the right to write, in a Windows access mask


class InheritedFile:
    """Passes an open file without a name to a new process, which receives a file descriptor.

    The system deletes the file when no process has it open, also after a kill.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        if sys.platform == "win32":
            return _descriptor, (DupHandle(msvcrt.get_osfhandle(self.file.fileno()), _GENERIC_WRITE),)
        else:
            return _descriptor, (DupFd(self.file.fileno()),)


def _descriptor(duplicate: Any) -> int:
    """In the new process: returns a file descriptor of the duplicated file."""
    if sys.platform == "win32":
        return msvcrt.open_osfhandle(int(duplicate.detach()), 0)
    return int(duplicate.detach())
