"""The front end as a file of matrices, for a program that contains only the network; the host computes it.

`framing` is (frame, hop, future) samples: the window, with `future` zeros after it, is cut into overlapping frames.
Each group of bins is a matrix `kernels_<n>` (2 * bins, samples) float32, real parts first, which applies to the samples
of a frame from `firsts[n]` on. A bin's energy is the sum of the squares of its two parts, at least `floor`.
"""

import io
from typing import Any

import numpy as np
from torch import nn

from workbench.errors import LoweringError
from workbench.model.frontend import EPS, ConstantQ, GroupedConstantQ
from workbench.model.streaming import StreamingPesto


def host_file(model: StreamingPesto) -> bytes:
    """Returns the front end of a stream as the bytes of an `.npz`.

    Raises LoweringError if the front end is not one plain matrix for each group of bins.
    """
    framing, frontend = model.framing, model.frontend
    if isinstance(frontend, ConstantQ):
        firsts, kernels = [0], [frontend.taps[:, 0].numpy()]
    elif isinstance(frontend, GroupedConstantQ) and all(isinstance(group, nn.Linear) for group in frontend.group):
        firsts = [group.first for group in frontend.groups]
        kernels = [group.get_parameter("weight").numpy() for group in frontend.group]
    else:
        raise LoweringError("scope: network requires one matrix per group of bins; use frontend: grouped or upstream")
    stored: dict[str, Any] = {f"kernels_{index}": kernel for index, kernel in enumerate(kernels)}
    content = io.BytesIO()
    np.savez(
        content,
        framing=np.array([framing.frame_samples, framing.hop_samples, framing.future_samples]),
        floor=np.float32(EPS**2),
        firsts=np.array(firsts),
        **stored,
    )
    return content.getvalue()
