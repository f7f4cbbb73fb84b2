"""The ExecuTorch backends: how each partitions a graph, which packages it requires, and where its programs run.

A partitioner is imported only when its backend is used: most require optional packages, and Qualcomm's downloads an SDK
of gigabytes when it is imported. Whether this machine can run a program is not listed here: the runtime is queried
(`runtime.open_program.missing_backends`), so that the same recipe is scored on a machine whose runtime has the backend.
"""

import os
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotInstalledError
from workbench.extras import ARM, COREML, NO_EXTRA, OPENVINO, QUALCOMM, Extra
from workbench.recipe.options import ExecutorchBackend

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


@dataclass(frozen=True)
class ExecutorchTarget:
    """One backend of ExecuTorch.

    `partitioners` returns new ones for each graph. `run_instructions` has the fields {recipe} and {variant}.
    `state_taken_message` says what happened if the delegate takes an internal state out of the program; {} is the state
    buffer's name.
    """

    partitioners: Callable[[], list[Any]]
    extra: Extra = NO_EXTRA
    run_instructions: str = ""
    state_taken_message: str = (
        "takes the streaming state ({}) out of the program, which would forget all audio between calls"
    )


def _xnnpack() -> list[Any]:
    """XNNPACK's partitioner, which also takes two things that XNNPACK runs and the default table does not list: leaky
    ReLU in static int8, and a Linear of which only the weight is dequantized (f32-qc8w, f32-qc4w).

    The default takes such a Linear for a broken static int8 layer, and leaves it and its dequantize outside.
    """
    from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
    from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.backends.xnnpack.utils.quant_utils import is_dequant, is_per_channel, tag_as_implicit_q_dq
    from executorch.backends.xnnpack.utils.utils import get_input_node, is_param_node

    defaults = ALL_PARTITIONER_CONFIGS
    by_operator = {getattr(config, "target_name", ""): config for config in defaults}
    leaky, linear = by_operator["leaky_relu.default"], by_operator["linear.default"]

    class StaticLeakyRelu(leaky):  # type: ignore[valid-type, misc]
        def supported_precision_types(self) -> list[ConfigPrecisionType]:
            return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]

    class IntegerWeightLinear(linear):  # type: ignore[valid-type, misc]
        def get_deps(self, node: "Node", ep: "ExportedProgram") -> "tuple[bool, list[Node]]":
            """Returns whether XNNPACK takes a Linear, and the nodes that it takes with it."""
            dequantize = get_input_node(node, 1)
            if not is_per_channel(dequantize) or is_dequant(get_input_node(node, 0)):
                taken: tuple[bool, list[Node]] = super().get_deps(node, ep)
                return taken
            stored = dequantize.all_input_nodes  # the weight, its scales and its zero points
            if len(node.args) > 2 or not all(is_param_node(ep, tensor) for tensor in stored):
                return False, []
            tag_as_implicit_q_dq(dequantize)
            return True, [dequantize, *stored]

    replaced = {leaky: StaticLeakyRelu, linear: IntegerWeightLinear}
    return [XnnpackPartitioner([replaced.get(config, config) for config in defaults])]


def _coreml() -> list[Any]:
    """Core ML's partitioner in float32: in float16, the default, the front end's energies overflow.

    One pass of coremltools 9.0 is left out: it fails (IndexError) on the epsilon that a layer norm adds.
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
    """The partitioner for VGF, Arm's format for its GPUs: the one of Arm's backends that takes float and runs on a
    device. TOSA is only an intermediate format, and Ethos-U takes only int8."""
    from executorch.backends.arm.vgf import VgfCompileSpec, VgfPartitioner

    converter = Path(sysconfig.get_path("scripts")) / "model-converter"
    if converter.is_file():  # ExecuTorch searches PATH, which has it only if the environment is activated
        os.environ.setdefault("MODEL_CONVERTER_PATH", str(converter))

    return [VgfPartitioner(VgfCompileSpec("TOSA-1.0+FP"))]


def _qualcomm() -> list[Any]:
    """The partitioner for the Hexagon of a Snapdragon 8 Gen 3, in float16, its only float type.

    Nobody has run the lines after the imports: no SDK was available.
    """
    if not os.environ.get(QUALCOMM.sdk_variable):
        raise NotInstalledError(
            "lowering to qualcomm requires Qualcomm's AI Engine Direct SDK. It was not imported, because the import "
            "downloads the SDK under Qualcomm's terms; install it, set "
            f"{QUALCOMM.sdk_variable} to its folder and run again"
        )
    from executorch.backends.qualcomm.partition.qnn_partitioner import QnnPartitioner
    from executorch.backends.qualcomm.serialization.qc_schema import QcomChipset
    from executorch.backends.qualcomm.utils.utils import (
        generate_htp_compiler_spec,
        generate_qnn_executorch_compiler_spec,
    )

    specs = generate_qnn_executorch_compiler_spec(QcomChipset.SM8650, generate_htp_compiler_spec(use_fp16=True))
    return [QnnPartitioner(specs, skip_mutable_buffer=True)]


def _on_device(library: str, device: str = "a device") -> str:
    return (
        f"on {device}, with the example/ of any bundle, built with -DBACKEND={library}: "
        "./pesto_example program.pte CLIP.wav CLIP.csv; then here: workbench score {recipe}{variant} --frames CLIP.csv"
    )


TARGETS: dict[ExecutorchBackend, ExecutorchTarget] = {
    "xnnpack": ExecutorchTarget(_xnnpack),
    "portable": ExecutorchTarget(list),
    "coreml": ExecutorchTarget(
        _coreml,
        COREML,
        "on a Mac, whose ExecuTorch has Core ML: workbench run {recipe}",
        "took the streaming state ({}) into a state of Core ML, which the program's own reset would not empty",
    ),
    "vulkan": ExecutorchTarget(_vulkan, run_instructions=_on_device("vulkan_backend")),
    "openvino": ExecutorchTarget(
        _openvino,
        OPENVINO,
        "where OpenVINO's runtime is: pip install 'pesto-workbench[openvino]' && workbench run {recipe}",
    ),
    "arm": ExecutorchTarget(
        _arm,
        ARM,
        _on_device("vgf_backend", "an Arm GPU with ML extensions for Vulkan"),
    ),
    "qualcomm": ExecutorchTarget(_qualcomm, QUALCOMM, _on_device("qnn_executorch_backend")),
}
