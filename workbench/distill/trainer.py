"""The loop: a student is trained on frames in random order, epoch by epoch.

The loss is the Kullback-Leibler divergence from the teacher's activations to the student's, weighted by the teacher's
confidence: G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network", 2015. The learning rate
rises and falls once (L. N. Smith and N. Topin, "Super-convergence", 2018).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from workbench.distill.teacher import Frames
from workbench.errors import TrainingError
from workbench.model.student.network import StudentEncoder
from workbench.recipe.students.section import Student

_LARGEST_GRADIENT = 1.0
_RISE = 0.1  # share of the steps in which the learning rate rises


class Trainer:
    """A student in training. On one machine, with one thread, the same frames and settings give the same weights.

    Args:
        settings: The section `student` of the recipe.
        frames: What to train on.

    Attributes:
        student: The network.
        epochs_done: The epochs that are finished.
    """

    def __init__(self, settings: Student, frames: Frames) -> None:
        self._settings, self._frames = settings, frames
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.student = StudentEncoder(settings.architecture, frames.log_energy.shape[-1])
        self.epochs_done = 0
        self.steps_per_epoch = max(1, len(frames) // settings.frames_per_step)
        self._optimizer = AdamW(self.student.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        self._schedule = OneCycleLR(
            self._optimizer,
            settings.learning_rate,
            total_steps=max(2, settings.epochs * self.steps_per_epoch),
            pct_start=_RISE,
        )

    def state(self) -> dict[str, Any]:
        """Returns everything that the next epochs depend on: tensors and plain data."""
        return {
            "epochs_done": self.epochs_done,
            "student": self.student.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from the state that `state` returned."""
        self.student.load_state_dict(state["student"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.epochs_done = state["epochs_done"]

    def run_epoch(self, advance: Callable[[int], None]) -> float:
        """Trains on each frame once, and returns the mean loss.

        The order of the frames depends on the seed and on the number of the epoch only, so an epoch that was
        interrupted can be run again. The last frames, too few for a step, are left out.

        Args:
            advance: Called with 1 after each step.

        Raises:
            TrainingError: The loss or a gradient is not finite. The student is then not usable.
        """
        generator = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + self.epochs_done)
        order = torch.randperm(len(self._frames), generator=generator)
        size, total = min(self._settings.frames_per_step, len(self._frames)), 0.0
        self.student.train()
        for step in range(self.steps_per_epoch):
            loss = self._loss(order[step * size : (step + 1) * size])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            gradient = clip_grad_norm_(self.student.parameters(), _LARGEST_GRADIENT)
            if not (loss.isfinite() and gradient.isfinite()):
                what = "gradient" if loss.isfinite() else "loss"
                raise TrainingError(f"epoch {self.epochs_done + 1}, step {step + 1}: the {what} is not finite")
            self._optimizer.step()
            self._schedule.step()
            total += loss.item()
            advance(1)
        self.epochs_done += 1
        self.student.eval()
        return total / self.steps_per_epoch

    def _loss(self, chosen: Tensor) -> Tensor:
        frames = self._frames
        found = self.student.logits(frames.log_energy[chosen].float()).log_softmax(-1)
        expected = frames.activations[chosen].float()
        expected = expected / expected.sum(-1, keepdim=True)
        divergence = nn.functional.kl_div(found, expected, reduction="none").sum(-1)
        weight = frames.confidence[chosen].float() + self._settings.least_weight
        return (divergence * weight).sum() / weight.sum()
