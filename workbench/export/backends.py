"""The backends that make a program: what has to be installed for each, and where and how a program of it runs.

A partitioner is imported only when its backend is asked for: most want packages that are optional, and Qualcomm's
downloads an SDK of gigabytes when it is imported. What runs in this very runtime is no matter of a list: the runtime is
asked (`runtime/delegates.py`), so that the same recipe is scored on a machine that has what this one lacks.
"""

import os
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.errors import NotInstalledError
from workbench.recipe.options import ExecutorchBackend

_QNN_SDK = "QNN_SDK_ROOT"


@dataclass(frozen=True)
class Target:
    """`partitioners` are made anew for each graph. `elsewhere` is where a program runs, and with what. `takes`: what
    becomes of an internal memory where the delegate takes it out of the program's hands."""

    partitioners: Callable[[], list[Any]]
    run_instructions: str = ""
    state_taken_message: str = (
        "takes the stream's memory ({}) out of the program, which would forget all audio between calls"
    )


@dataclass(frozen=True)
class Extra:
    """What is optional, by the backend's name: `modules` have to be importable, `packages` are those whose version a
    program depends on."""

    modules: tuple[str, ...]
    packages: tuple[str, ...]


EXTRAS = {
    "onnx": Extra(("onnx", "onnxscript", "onnxruntime"), ("onnx", "onnxscript", "onnx_ir", "onnxruntime")),
    "coreml": Extra(("coremltools",), ("coremltools",)),
    "openvino": Extra(("openvino", "nncf"), ("openvino", "nncf")),
    "arm": Extra(("tosa_serializer",), ("tosa-tools", "ai_ml_sdk_model_converter")),
}


def missing_extra_hint(backend: str) -> str:
    """What to do about a backend's extra not being installed; nothing where it is, or where there is none."""
    modules = EXTRAS[backend].modules if backend in EXTRAS else ()
    absent = [module for module in modules if find_spec(module) is None]
    return f"{', '.join(absent)} not installed: pip install 'pesto-workbench[{backend}]'" if absent else ""


def versions_for(backend: str) -> dict[str, str]:
    """Of the packages beside ExecuTorch that make a program for it, where they are installed; Qualcomm's SDK goes by
    its folder, which has its version for a name."""
    found = {}
    if backend == "qualcomm" and (sdk := os.environ.get(_QNN_SDK)):
        found[_QNN_SDK] = Path(sdk).resolve().name
    for package in EXTRAS[backend].packages if backend in EXTRAS else ():
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _xnnpack() -> list[Any]:
    """XNNPACK's partitioner, with leaky ReLU in static int8 too: XNNPACK runs it, the stock table has it float only."""
    from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
    from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    stock = ALL_PARTITIONER_CONFIGS
    (leaky,) = (config for config in stock if getattr(config, "target_name", "") == "leaky_relu.default")

    class StaticLeakyRelu(leaky):  # type: ignore[valid-type, misc]
        def supported_precision_types(self) -> list[ConfigPrecisionType]:
            return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]

    return [XnnpackPartitioner([StaticLeakyRelu if config is leaky else config for config in stock])]


def _coreml() -> list[Any]:
    """In float32: in float16, which is the stock setting, the front end's energies overflow.

    One of coremltools 9.0's passes is left out: it fails (IndexError) on the epsilon that a layer norm adds.
    """
    import coremltools
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    passes = [name for name in coremltools.PassPipeline.DEFAULT.passes if name != "common::fuse_linear_bias"]
    specs = CoreMLBackend.generate_compile_specs(
        minimum_deployment_target=coremltools.target.iOS18,
        compute_precision=coremltools.precision.FLOAT32,
        pass_names=passes,
    )
    return [CoreMLPartitioner(compile_specs=specs)]


def _vulkan() -> list[Any]:
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

    return [VulkanPartitioner()]


def _openvino() -> list[Any]:
    from executorch.backends.openvino.partitioner import OpenvinoPartitioner
    from executorch.exir.backend.compile_spec_schema import CompileSpec

    return [OpenvinoPartitioner([CompileSpec("device", b"CPU")])]


def _arm() -> list[Any]:
    """VGF, Arm's format for its GPUs: of Arm's backends the one that takes float and is a program for a device. (TOSA
    alone is a step on the way, and Ethos-U takes int8 alone.)"""
    from executorch.backends.arm.vgf import VgfCompileSpec, VgfPartitioner

    converter = Path(sysconfig.get_path("scripts")) / "model-converter"
    if converter.is_file():  # it is looked for in PATH, where an environment that is not activated has nothing
        os.environ.setdefault("MODEL_CONVERTER_PATH", str(converter))

    return [VgfPartitioner(VgfCompileSpec("TOSA-1.0+FP"))]


def _qualcomm() -> list[Any]:
    """For the Hexagon of a Snapdragon 8 Gen 3, in float16, which is all the float it has.

    No SDK was at hand: what comes after the imports is untried."""
    if not os.environ.get(_QNN_SDK):
        raise NotInstalledError(
            "lowering to qualcomm wants Qualcomm's AI Engine Direct SDK, and ExecuTorch downloads it, under terms of "
            f"its own, when it is imported: so it was not; install it, set {_QNN_SDK} to its folder and run again"
        )
    from executorch.backends.qualcomm.partition.qnn_partitioner import QnnPartitioner
    from executorch.backends.qualcomm.serialization.qc_schema import QcomChipset
    from executorch.backends.qualcomm.utils.utils import (
        generate_htp_compiler_spec,
        generate_qnn_executorch_compiler_spec,
    )

    specs = generate_qnn_executorch_compiler_spec(QcomChipset.SM8650, generate_htp_compiler_spec(use_fp16=True))
    return [QnnPartitioner(specs, skip_mutable_buffer=True)]


def _on_device(library: str, what: str = "a device") -> str:
    return (
        f"on {what}, with the example/ of any bundle, built with -DBACKEND={library}: "
        "./pesto_example program.pte CLIP.wav CLIP.csv; then here: workbench score {recipe}{variant} --frames CLIP.csv"
    )


TARGETS: dict[ExecutorchBackend, Target] = {
    "xnnpack": Target(_xnnpack),
    "portable": Target(list),
    "coreml": Target(
        _coreml,
        "on a Mac, whose ExecuTorch has Core ML: workbench run {recipe}",
        "took the stream's memory ({}) into a state of Core ML's, which the program's own reset would not empty",
    ),
    "vulkan": Target(_vulkan, _on_device("vulkan_backend")),
    "openvino": Target(
        _openvino,
        "where OpenVINO's runtime is: pip install 'pesto-workbench[openvino]' && workbench run {recipe}",
    ),
    "arm": Target(_arm, _on_device("vgf_backend", "an Arm GPU with ML extensions for Vulkan")),
    "qualcomm": Target(_qualcomm, _on_device("qnn_executorch_backend")),
}
