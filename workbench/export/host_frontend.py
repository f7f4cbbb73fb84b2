"""The front end as a file for the host, where the program holds the network alone: numbers, and no code.

`framing` is (frame, hop, future) samples: the window, with `future` zeros after it, is cut into overlapping frames.
Each group of bins is a matrix `kernels_<n>` (2 * bins, samples), real parts first, over the samples of a frame from
`firsts[n]` on. A bin's energy is the sum of the squares of its two parts, at least `floor`. All of it float32.
"""

import io
from typing import Any

import numpy as np
from torch import nn

from workbench.errors import LoweringError
from workbench.model.frontend import EPS, ConstantQ, GroupedConstantQ
from workbench.model.streaming import StreamingPesto


def host_file(model: StreamingPesto) -> bytes:
    """The front end of a stream as `.npz`. Raises LoweringError for one that is no plain matrix."""
    framing, frontend = model.framing, model.frontend
    if isinstance(frontend, ConstantQ):
        firsts, kernels = [0], [frontend.taps[:, 0].numpy()]
    elif isinstance(frontend, GroupedConstantQ) and all(isinstance(group, nn.Linear) for group in frontend.group):
        firsts = [group.first for group in frontend.groups]
        kernels = [group.get_parameter("weight").numpy() for group in frontend.group]
    else:
        raise LoweringError("the host's front end is a plain matrix for each group; ask for frontend: grouped")
    stored: dict[str, Any] = {f"kernels_{at}": each for at, each in enumerate(kernels)}
    content = io.BytesIO()
    np.savez(
        content,
        framing=np.array([framing.frame_samples, framing.hop_samples, framing.future_samples]),
        floor=np.float32(EPS**2),
        firsts=np.array(firsts),
        **stored,
    )
    return content.getvalue()
