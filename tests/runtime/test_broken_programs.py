"""A damaged program never ends the workbench: it is refused, crashes its child process, or runs."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from executorch.backends.xnnpack.partition.config.gemm_configs import ConvolutionConfig
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.utils.quant_utils import tag_as_implicit_q_dq
from executorch.exir import to_edge_transform_and_lower
from torch import Tensor, nn

from tools.fuzz.broken_programs import cut, flipped, survey
from workbench.errors import ProgramError
from workbench.export.metadata import metadata_of
from workbench.model.streaming import StreamingPesto
from workbench.workflows.variant.build import trial_run

pytestmark = pytest.mark.slow


def test_program_cut_off_anywhere_is_refused(program: Path) -> None:
    whole = program.read_bytes()
    counts, lines = survey(program, cut(whole, len(whole) // 30))
    assert counts["as whole"] == counts["otherwise"] == counts["raised"] == 0, lines
    assert counts.total() == 31


def test_program_with_a_flipped_byte_ends_at_most_its_child(program: Path) -> None:
    counts, lines = survey(program, flipped(program.read_bytes(), 40, 0))
    assert counts["raised"] == 0, lines
    assert counts.total() == 40


class IntegerConvolution(nn.Module):
    """A convolution of float inputs with int8 weights: (1, samples) -> (samples,)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(1, 1, 1, 3, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("zero", torch.zeros(1, dtype=torch.int64))

    def forward(self, audio: Tensor) -> Tensor:
        dequantize = torch.ops.quantized_decomposed.dequantize_per_channel
        weight = dequantize(self.weight, self.scale, self.zero, 0, -127, 127, torch.int8)
        return F.conv2d(audio[None, None], weight, padding=(0, 1)).flatten()


class TakesIntegerConvolution(ConvolutionConfig):
    def get_deps(self, node: Any, ep: Any) -> tuple[bool, list[Any]]:
        tag_as_implicit_q_dq(node.args[1])
        return True, [node.args[1], *node.args[1].all_input_nodes]


def test_kernel_that_the_runtime_lacks_is_one_line(restated: StreamingPesto, tmp_path: Path) -> None:
    exported = torch.export.export(IntegerConvolution(), (torch.ones(1, 320),))
    partitioner = XnnpackPartitioner([TakesIntegerConvolution])
    edge = to_edge_transform_and_lower(exported, partitioner=[partitioner], constant_methods=metadata_of(restated))
    program = tmp_path / "program.pte"
    program.write_bytes(edge.to_executorch().buffer)
    with pytest.raises(ProgramError) as caught:
        trial_run(program, 1)
    message = str(caught.value)
    assert message.startswith(f"{program}: ") and "this runtime lacks a kernel" in message and "\n" not in message
