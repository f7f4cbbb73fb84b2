"""Quantization-aware training: it rounds what the program rounds, and the weights fit that better than others do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.helpers.models.students import ARCHITECTURE, new_student, random_frames
from workbench.distill.fake_quantized import FakeQuantizedStudent
from workbench.distill.state import read_state, write_state
from workbench.distill.trainer import Trainer
from workbench.quantize.pt2e.annotate import quantize_part
from workbench.recipe import Quantization
from workbench.recipe.students.quantization_aware import AwareScheme, QuantizationAware
from workbench.recipe.students.section import Student

AWARE = QuantizationAware(epochs=2, learning_rate=3e-3)
FLOAT = Student(architecture=ARCHITECTURE, epochs=3, frames_per_step=20)
ROUNDED = FLOAT.model_copy(update={"quantization_aware": AWARE})
FRAMES = random_frames()
ROWS = FRAMES.log_energy.float()


def no_report(_: int) -> None: ...


def weights(trainer: Trainer) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in trainer.student.state_dict().values())


def program(student: Any, parts: dict[str, AwareScheme]) -> Tensor:
    """What the student returns after the quantization of an export."""
    rules = Quantization.model_validate({"parts": parts, "leaky_relu": "float"})
    activations: Tensor = quantize_part(student, "encoder", rules, (ROWS,), no_report).module(ROWS)
    return activations


@pytest.mark.parametrize("parts", [{"encoder": "int8-static"}, {"encoder": "int8-static", "encoder.last": "none"}])
@torch.no_grad()
def test_what_rounds_in_training_rounds_in_the_program(parts: dict[str, AwareScheme]) -> None:
    student = new_student()
    aware = QuantizationAware(epochs=1, parts=parts)
    rounded = FakeQuantizedStudent(student, ARCHITECTURE, aware, ROWS).eval()(ROWS)
    assert torch.allclose(rounded, program(student, parts), atol=1e-5)
    assert (rounded - student(ROWS)).abs().max() > 1e-3


def test_an_interrupted_training_goes_on_in_int8_with_the_same_bytes(tmp_path: Path) -> None:
    straight, second = Trainer(ROUNDED, FRAMES), Trainer(ROUNDED, FRAMES)
    for _ in range(FLOAT.epochs + 1):
        straight.run_epoch(no_report)
    write_state(tmp_path / "state", "key", straight.state())
    state = read_state(tmp_path / "state", "key")
    assert state is not None
    second.restore(state)
    assert weights(second) == weights(straight) and second.run_epoch(no_report) == straight.run_epoch(no_report)
    assert weights(second) == weights(straight) and second.epochs_done == second.epochs
    assert second.student.state_dict().keys() == new_student().state_dict().keys()
    with torch.no_grad():
        again, rounded, exact = straight.network(ROWS), straight.network(ROWS), straight.student(ROWS)
    assert torch.equal(again, rounded) and (rounded - exact).abs().max() > 1e-4  # a test changes no range


def test_it_starts_from_another_student_and_the_error_of_its_program_falls() -> None:
    good, bad = new_student(2), new_student(1)  # the good one made the frames
    first = [Trainer(FLOAT, FRAMES, student).run_epoch(no_report) for student in (good, bad)]
    assert first[0] < 0.1 * first[1]
    trainer = Trainer(ROUNDED.model_copy(update={"epochs": 0}), FRAMES, bad)
    losses = [trainer.run_epoch(no_report) for _ in range(2)]
    with torch.no_grad():
        expected = FRAMES.activations.float()
        errors = [(program(student, AWARE.parts) - expected).abs().mean() for student in (bad, trainer.student)]
    assert losses[1] < losses[0] and errors[1] < errors[0]


def test_keys_that_came_later_change_no_stored_training() -> None:
    assert {"initial", "quantization_aware"}.isdisjoint(FLOAT.model_dump(mode="json"))
    assert ROUNDED.model_dump(mode="json")["quantization_aware"]["epochs"] == 2
