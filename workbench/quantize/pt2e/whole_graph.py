"""int8 for the whole graph, with XNNPACK's global configuration and without rules: the obvious first attempt.

It also quantizes the state and the spectrum, whose range 8 bits cannot represent. Recipes use it to show that.
"""

from collections.abc import Sequence

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch import Tensor
from torch.fx import GraphModule
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.recipe.options import STATE_BUFFER


@torch.no_grad()
def quantize_whole_graph(model: StreamingPesto, clips: Sequence[Tensor], progress: Progress) -> GraphModule:
    """Returns the quantized stream, with its state at zero.

    Args:
        model: The float stream, with internal state and one stream.
        clips: Calibration audio, (n,) float32 each. It runs chunk by chunk; the state is zero at the start of a clip.
        progress: Receives how many clips were calibrated.
    """
    chunk = model.stream.chunk_samples
    exported = torch.export.export(model, (torch.zeros(1, chunk),))
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config())
    prepared: GraphModule = prepare_pt2e(exported.module(check_guards=False), quantizer)
    with progress.stage("calibrate", len(clips)) as advance:
        for samples in clips:
            prepared.get_buffer(STATE_BUFFER).zero_()
            for row in torch.split(samples[: len(samples) // chunk * chunk], chunk):
                prepared(row[None])
            advance(1)
    converted: GraphModule = convert_pt2e(prepared)
    converted.get_buffer(STATE_BUFFER).zero_()
    return converted
