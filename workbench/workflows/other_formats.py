"""A job's program in a format other than ExecuTorch's."""

from collections.abc import Sequence

from torch import Tensor

from workbench.export.onnx import finished, to_onnx
from workbench.export.onnx_inspect import contents
from workbench.export.program_file import ProgramFile, Quantized, describe_exported, name_for
from workbench.export.told import told_by
from workbench.export.torchscript import traced
from workbench.progress import Progress
from workbench.quantize.onnxruntime import quantize_onnx
from workbench.workflows.prepare import Job


def make(
    job: Job, clips: Sequence[Tensor], progress: Progress, confidence_threshold: float | None
) -> tuple[bytes, ProgramFile]:
    """The file and what is in it; int8 is calibrated on clips, (n,) float32 each. The threshold is to show pitch by.

    Raises LoweringError where it cannot be made as the recipe asks.
    """
    recipe, model = job.recipe, job.model
    quantized: Quantized | None = None
    if recipe.lowering.backend == "torchscript":
        exported = traced(
            job.baseline.session(streams=job.stream.streams).model, job.stream, told_by(model, confidence_threshold)
        )
    elif job.quantized:
        graph, quantized = quantize_onnx(model, recipe.quantization, clips, progress)
        exported = contents(finished(graph, model, confidence_threshold))
    else:
        exported = contents(to_onnx(model, confidence_threshold))
    name = name_for(recipe.lowering.backend)
    return exported.content, describe_exported(exported, name, recipe.state, quantized)
