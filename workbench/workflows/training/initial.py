"""The first weights of a training: those of another student, if the recipe names one."""

from dataclasses import dataclass

from workbench.errors import RecipeError
from workbench.model.checkpoint import checkpoint_path, checkpoint_sha256
from workbench.model.student.card import StudentCard, read_card
from workbench.model.student.load import load_student
from workbench.model.student.network import StudentEncoder
from workbench.recipe import Recipe
from workbench.workflows.variant.prepare import PreparedVariant


@dataclass(frozen=True)
class Initial:
    """The student that a training starts from, with its card and the hash of its file."""

    student: StudentEncoder
    card: StudentCard
    sha256: str


def load_initial(recipe: Recipe) -> Initial | None:
    """Returns the student that `student.initial` names, or None if it names none.

    Raises:
        RecipeError: It is no student, or has another architecture than the recipe.
        CheckpointError: It cannot be read, or was trained at another rate.
    """
    name = recipe.student.initial
    if name is None:
        return None
    where = f"{recipe.source}: student.initial"
    student = load_student(name, recipe.sample_rate_hz)
    if student is None:
        raise RecipeError([f"{where}: {name} is no student; use a shipped one or a .safetensors file"])
    path = checkpoint_path(name)
    card = read_card(path)
    if card.architecture != recipe.student.architecture:
        raise RecipeError([f"{where}: {path} has another architecture; set student.architecture to that of its card"])
    return Initial(student, card, checkpoint_sha256(name))


def check_held_out(initial: Initial, variant: PreparedVariant) -> None:
    """Raises RecipeError if a clip that tests the student is one that its first weights were trained on."""
    clips = variant.calibration_clips if variant.recipe.student.data.calibration_clips == "held-out" else ()
    seen = [clip.name for clip in clips if not set(initial.card.trained_on).isdisjoint(clip.content_sha256)]
    if seen:
        names = ", ".join(seen)
        problem = f"was trained on {names} of audio.calibrate; set student.data.calibration_clips: train"
        raise RecipeError([f"{variant.recipe.source}: student.initial: {problem}"])
