"""A student that rounds to int8 as its program will, while it is trained."""

from typing import Any, Self

from torch import Tensor, nn

from workbench.model.student.network import BINS_PER_SEMITONE, StudentEncoder
from workbench.quantize.layers import layers_of
from workbench.quantize.pt2e.aware import fake_quantized, find_ranges
from workbench.recipe import Quantization
from workbench.recipe.patterns import unused_patterns
from workbench.recipe.students.architecture import Architecture
from workbench.recipe.students.quantization_aware import QuantizationAware

_PART = "encoder"  # of the stream


class _Logits(StudentEncoder):
    """A student without its softmax, which the loss has."""

    def forward(self, log_energy: Tensor) -> Tensor:
        return self.logits(log_energy)


def unused_parts(architecture: Architecture, settings: QuantizationAware) -> list[str]:
    """Returns the keys of `settings.parts` that apply to no layer of a student."""
    student = StudentEncoder(architecture, BINS_PER_SEMITONE)  # their names do not depend on the bins
    return unused_patterns(settings.parts, layers_of(student, _PART))


class FakeQuantizedStudent(nn.Module):
    """A student whose layers round. While it trains, it finds the ranges; in a test, they stay as they are.

    Shape:
        - Input: (frames, bins), float32, as the student
        - Output: (frames, pitch bins), float32, activations

    Args:
        student: The float student. Its weights are copied.
        architecture: Its layers.
        settings: Which layers round.
        example: Two or more frames, (frames, bins), float32.
    """

    def __init__(
        self, student: StudentEncoder, architecture: Architecture, settings: QuantizationAware, example: Tensor
    ) -> None:
        super().__init__()
        network = _Logits(architecture, student.bins)
        network.load_state_dict(student.state_dict())
        rules = Quantization.model_validate({"parts": settings.parts, "leaky_relu": "float"})
        self.graph = fake_quantized(network, _PART, rules, example)
        self._names = tuple(student.state_dict())
        self._fixed = False

    def forward(self, log_energy: Tensor) -> Tensor:
        return self.logits(log_energy).softmax(-1)

    def logits(self, log_energy: Tensor) -> Tensor:
        """Returns the activations before the softmax; shapes as the network."""
        logits: Tensor = self.graph(log_energy)
        return logits

    def train(self, mode: bool = True) -> Self:
        """Sets whether a call changes the ranges. An exported graph cannot be set to train or to test."""
        self.training = mode
        find_ranges(self.graph, activations=mode and not self._fixed, weights=mode)
        return self

    def fix_ranges(self) -> None:
        """Keeps the ranges of the activations from now on. Those of the weights follow the weights."""
        if not self._fixed:
            self._fixed = True
            self.train(self.training)

    def student_state(self) -> dict[str, Any]:
        """Returns the state of a StudentEncoder with the trained weights, which are not rounded."""
        state = self.graph.state_dict()
        return {name: state[name].detach().clone() for name in self._names}
