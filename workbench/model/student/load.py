"""Students from and to their files."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from workbench.errors import CheckpointError, ModelError
from workbench.model.checkpoint import checkpoint_path
from workbench.model.student.card import CARD_KEY, StudentCard, read_card
from workbench.model.student.network import StudentEncoder
from workbench.model.upstream import Resnet1d
from workbench.recipe.patterns import is_student


def load_student(checkpoint: str, sample_rate_hz: int) -> StudentEncoder | None:
    """Returns the student that a checkpoint is, in eval mode, or None if it is no student.

    Args:
        checkpoint: The name of a checkpoint or the path of its file.
        sample_rate_hz: The rate of the stream.

    Raises:
        CheckpointError: The file is no student, its weights do not fit its architecture or are not finite, or it was
            trained at another rate.
    """
    if not is_student(checkpoint):
        return None
    path = checkpoint_path(checkpoint)
    card = read_card(path)
    if card.sample_rate_hz != sample_rate_hz:
        raise CheckpointError(
            f"{path}: the student was trained at {card.sample_rate_hz} Hz, and the recipe has {sample_rate_hz}; set "
            f"sample_rate_hz: {card.sample_rate_hz}, or train a student at {sample_rate_hz} Hz"
        )
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: its weights cannot be read; copy the file again") from error
    student = StudentEncoder(card.architecture, card.bins)
    try:
        student.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: its weights do not fit the architecture in its card; train the student again"
        ) from error
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise CheckpointError(f"{path}: has weights that are not finite; train the student again")
    return student.eval().requires_grad_(False)


def check_fits(student: StudentEncoder, teacher: Resnet1d) -> None:
    """Raises ModelError if a student does not receive the bins of its teacher's encoder or return its pitch bins."""
    bins, pitch_bins = teacher.layernorm.normalized_shape[-1], teacher.hparams["output_dim"]
    if (student.bins, student.pitch_bins) != (bins, pitch_bins):
        raise ModelError(
            f"the student receives {student.bins} bins and returns {student.pitch_bins}, its teacher {bins} and "
            f"{pitch_bins}; use a teacher with the sizes of mir-1k_g7"
        )


def student_bytes(weights: dict[str, torch.Tensor], card: StudentCard) -> bytes:
    """Returns the content of a student's file. The same weights and card give the same bytes."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
    return save(tensors, {CARD_KEY: card.model_dump_json()})
