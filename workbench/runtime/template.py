"""Imports what most children need. On Linux, `IsolatedProcess` copies a process that has imported this module.

If an import fails here, the child that needs it imports it again and says what is wrong.
"""

import os
import sys
from contextlib import suppress

_STREAMS = tuple(stream.fileno() for stream in (sys.stdout, sys.stderr))
_kept = [os.dup(stream) for stream in _STREAMS]
for stream in _STREAMS:  # libraries print when they are imported
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
with suppress(Exception):
    from workbench.private_names import executorch_runtime

    executorch_runtime()
with suppress(Exception):
    import workbench.runtime.eager  # noqa: F401
for stream, kept in zip(_STREAMS, _kept, strict=True):
    os.dup2(kept, stream)
    os.close(kept)
