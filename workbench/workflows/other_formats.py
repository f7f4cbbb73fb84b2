"""A job's program in a format other than ExecuTorch's."""

from collections.abc import Sequence

from torch import Tensor

from workbench.export.onnx import export_graph, finalize, to_onnx
from workbench.export.onnx_inspect import inspect_onnx
from workbench.export.program_file import ProgramFile, describe_exported, file_name_for
from workbench.export.told import metadata_of
from workbench.export.toolchain_errors import toolchain_errors
from workbench.export.torchscript import trace_upstream
from workbench.progress import Progress
from workbench.quantize.onnxruntime import quantize_onnx
from workbench.quantize.results import Quantized
from workbench.workflows.variant.prepare import PreparedVariant


def make(
    job: PreparedVariant, clips: Sequence[Tensor], progress: Progress, confidence_threshold: float | None
) -> tuple[bytes, ProgramFile]:
    """The file and what is in it; int8 is calibrated on clips, (n,) float32 each. The threshold is to show pitch by.

    Raises LoweringError where it cannot be made as the recipe asks.
    """
    recipe, model = job.recipe, job.model
    quantized: Quantized | None = None
    if recipe.lowering.backend == "torchscript":
        exported = trace_upstream(
            job.baseline.session(streams=job.stream.streams).model, job.stream, metadata_of(model, confidence_threshold)
        )
    elif job.quantized:
        with toolchain_errors("ONNX Runtime's quantizer"):
            graph, quantized = quantize_onnx(model, export_graph, recipe.quantization, clips, progress)
        exported = inspect_onnx(finalize(graph, model, confidence_threshold))
    else:
        exported = inspect_onnx(to_onnx(model, confidence_threshold))
    name = file_name_for(recipe.lowering.backend)
    return exported.content, describe_exported(exported, name, recipe.state, quantized)
