"""What the process imports that children are copied from. Importing this module is all that it does.

See `IsolatedProcess`. An import that fails here is left to the child, which needs the module and says what is wrong.
"""

import os
import sys
from contextlib import suppress

for stream in (sys.stdout, sys.stderr):  # a child sends what it prints to its own log
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
with suppress(Exception):
    from workbench.private_names import executorch_runtime

    executorch_runtime()
with suppress(Exception):
    import workbench.runtime.eager  # noqa: F401
