"""Tiny students, and their files."""

from pathlib import Path
from typing import Any

from workbench.recipe.students.architecture import Architecture, StudentLayer

ARCHITECTURE = Architecture(
    layers=(
        StudentLayer(offsets_semitones=(-12, 0, 19), channels=6),
        StudentLayer(offsets_semitones=(-1, 0, 2), channels=6),
    )
)
BINS = 219


def new_student(seed: int = 0) -> Any:
    """A student with random weights, as sharp as a trained one: its best bin is clear."""
    import torch

    from workbench.model.student.network import StudentEncoder

    torch.manual_seed(seed)
    student = StudentEncoder(ARCHITECTURE, BINS)
    with torch.no_grad():
        student.bias.normal_()
        student.last.weight.mul_(8)
    return student.eval().requires_grad_(False)


def random_frames(count: int = 90) -> Any:
    """Frames of noise, and what a teacher with random weights returns for them."""
    import torch

    from workbench.distill.teacher import Frames

    generator = torch.Generator().manual_seed(1)
    log_energy = torch.randn(count, BINS, generator=generator).half()
    return Frames(log_energy, new_student(2)(log_energy.float()).half(), torch.rand(count, generator=generator).half())


def write_student(path: Path, change: Any = id, **card: Any) -> Path:
    """Writes a student of mir-1k_g7 at 16 kHz. `change` edits its weights first, and `card` replaces fields."""
    from workbench.model.checkpoint import checkpoint_sha256
    from workbench.model.student.card import StudentCard
    from workbench.model.student.load import student_bytes

    weights = {name: tensor.clone() for name, tensor in new_student().state_dict().items()}
    change(weights)
    fields = {
        "teacher": "mir-1k_g7",
        "teacher_sha256": checkpoint_sha256("mir-1k_g7"),
        "sample_rate_hz": 16_000,
        "bins": BINS,
        "architecture": ARCHITECTURE,
        "training": {},
        "data_sha256": "d",
        "trained_on": (),
        "held_out": {},
        **card,
    }
    path.write_bytes(student_bytes(weights, StudentCard(**fields)))
    return path
