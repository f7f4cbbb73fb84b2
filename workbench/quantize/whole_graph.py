"""int8 as a first attempt would do it: XNNPACK's global configuration on the whole graph. A cautionary tale."""

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
    """The whole stream, memory and spectrum included.

    Calibrated chunk by chunk on (n,) float32 clips, the memory emptied before each, and after the last.
    """
    chunk = model.stream.chunk_samples
    exported = torch.export.export(model, (torch.zeros(1, chunk),))
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config())
    prepared: GraphModule = prepare_pt2e(exported.module(check_guards=False), quantizer)
    for at, samples in enumerate(clips):
        progress.report("calibrate", at, len(clips))
        prepared.get_buffer(STATE_BUFFER).zero_()
        for row in torch.split(samples[: len(samples) // chunk * chunk], chunk):
            prepared(row[None])
    progress.report("calibrate", len(clips), len(clips))
    converted: GraphModule = convert_pt2e(prepared)
    converted.get_buffer(STATE_BUFFER).zero_()
    return converted
