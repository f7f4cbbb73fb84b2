"""The table of backends: one exporter each. An ExecuTorch backend is one row in `executorch_targets.py`."""

from workbench.export.executorch import ExecutorchExporter
from workbench.export.executorch_targets import TARGETS
from workbench.export.exporter import Exporter
from workbench.export.onnx import OnnxExporter
from workbench.export.program_file import program_name
from workbench.export.torchscript import TorchScriptExporter
from workbench.recipe.options import Backend

EXPORTERS: dict[Backend, Exporter] = {
    **{backend: ExecutorchExporter(backend) for backend in TARGETS},
    "onnx": OnnxExporter(),
    "torchscript": TorchScriptExporter(),
}


def file_name_for(backend: Backend) -> str:
    """Returns the name of a program's file for this backend."""
    return program_name(EXPORTERS[backend].format)
