"""The loop: a student is trained on frames in random order, epoch by epoch.

The loss is the Kullback-Leibler divergence from the teacher's activations to the student's, weighted by the teacher's
confidence: G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network", 2015. The learning rate
rises and falls once (L. N. Smith and N. Topin, "Super-convergence", 2018).

In the quantization-aware epochs, which come last, the layers round to int8. The loss is the same, and the learning rate
rises and falls once more. The ranges of the activations are fixed for the second half of these steps.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from workbench.distill.fake_quantized import FakeQuantizedStudent
from workbench.distill.teacher import Frames
from workbench.errors import TrainingError
from workbench.model.student.network import StudentEncoder
from workbench.recipe.students.section import Student

_LARGEST_GRADIENT = 1.0
_FRAMES_OF_FIRST_RANGES = 256
_RISE = 0.1  # share of the steps in which the learning rate rises


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Takes numbers below 1.2e-38 for 0: the gradients of a sharp student are full of them, and they are slow.

    A late epoch then takes a quarter of the time, and all weights have the same bits. docs/records/students/seed-1
    began without this (219 s for epoch 13), and ended with it (60 s for epoch 14).
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


class Trainer:
    """A student in training. On one machine, with one thread, the same frames and settings give the same weights.

    Args:
        settings: The section `student` of the recipe.
        frames: What to train on.
        initial: The first weights, of a student of this architecture; random ones if there are none.

    Attributes:
        student: The float network.
        network: The network that was trained last: the student, or the one that rounds.
        epochs: How many epochs there are.
        epochs_done: The epochs that are finished.
    """

    network: StudentEncoder | FakeQuantizedStudent

    def __init__(self, settings: Student, frames: Frames, initial: StudentEncoder | None = None) -> None:
        self._settings, self._frames = settings, frames
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.student = StudentEncoder(settings.architecture, frames.log_energy.shape[-1])
        if initial is not None:
            self.student.load_state_dict(initial.state_dict())
        self.epochs, self.epochs_done = settings.epochs + settings.quantization_aware.epochs, 0
        self.steps_per_epoch = max(1, len(frames) // settings.frames_per_step)
        self._begin(self.student, settings.learning_rate, settings.epochs)

    def _begin(self, network: StudentEncoder | FakeQuantizedStudent, learning_rate: float, epochs: int) -> None:
        """Makes a network the one that the next epochs train."""
        self.network = network
        self._optimizer = AdamW(network.parameters(), learning_rate, weight_decay=self._settings.weight_decay)
        steps = max(2, epochs * self.steps_per_epoch)
        self._schedule = OneCycleLR(self._optimizer, learning_rate, total_steps=steps, pct_start=_RISE)

    def _begin_to_round(self) -> None:
        aware = self._settings.quantization_aware
        frames = self._frames.log_energy
        first_ranges = frames[:: -(-len(frames) // _FRAMES_OF_FIRST_RANGES)].float()
        rounding = FakeQuantizedStudent(self.student, self._settings.architecture, aware, first_ranges)
        self._begin(rounding, aware.learning_rate, aware.epochs)

    def state(self) -> dict[str, Any]:
        """Returns everything that the next epochs depend on: tensors and plain data."""
        return {
            "epochs_done": self.epochs_done,
            "student": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from the state that `state` returned."""
        self.epochs_done = state["epochs_done"]
        if self.epochs_done > self._settings.epochs:
            self._begin_to_round()
        self.network.load_state_dict(state["student"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._take_weights()

    @_denormals_flushed()
    def run_epoch(self, advance: Callable[[int], None]) -> float:
        """Trains on each frame once, and returns the mean loss.

        The order of the frames depends on the seed and on the number of the epoch only, so an epoch that was
        interrupted can be run again. The last frames, too few for a step, are left out.

        Args:
            advance: Called with 1 after each step.

        Raises:
            TrainingError: The loss or a gradient is not finite. The student is then not usable.
        """
        if self.epochs_done == self._settings.epochs:
            self._begin_to_round()
        generator = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + self.epochs_done)
        order = torch.randperm(len(self._frames), generator=generator)
        size, total = min(self._settings.frames_per_step, len(self._frames)), 0.0
        self.network.train()
        for step in range(self.steps_per_epoch):
            if isinstance(self.network, FakeQuantizedStudent) and self._is_in_second_half(step):
                self.network.fix_ranges()
            loss = self._loss(order[step * size : (step + 1) * size])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            gradient = clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
            if not (loss.isfinite() and gradient.isfinite()):
                what = "gradient" if loss.isfinite() else "loss"
                raise TrainingError(f"epoch {self.epochs_done + 1}, step {step + 1}: the {what} is not finite")
            self._optimizer.step()
            self._schedule.step()
            total += loss.item()
            advance(1)
        self.epochs_done += 1
        self.network.eval()
        self._take_weights()
        return total / self.steps_per_epoch

    def _is_in_second_half(self, step: int) -> bool:
        """Whether a step of this epoch is in the second half of the quantization-aware steps."""
        steps_done = (self.epochs_done - self._settings.epochs) * self.steps_per_epoch + step
        return 2 * steps_done >= self._settings.quantization_aware.epochs * self.steps_per_epoch

    def _take_weights(self) -> None:
        if isinstance(self.network, FakeQuantizedStudent):
            self.student.load_state_dict(self.network.student_state())
            self.student.eval()

    def _loss(self, chosen: Tensor) -> Tensor:
        frames = self._frames
        found = self.network.logits(frames.log_energy[chosen].float()).log_softmax(-1)
        expected = frames.activations[chosen].float()
        expected = expected / expected.sum(-1, keepdim=True)
        divergence = nn.functional.kl_div(found, expected, reduction="none").sum(-1)
        weight = frames.confidence[chosen].float() + self._settings.least_weight
        return (divergence * weight).sum() / weight.sum()
