"""The licences of what is in a bundle: of its code, and of the weights in its program."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from workbench.bundle.verify_standalone import PROGRAM
from workbench.errors import WorkbenchError
from workbench.model.checkpoint import baseline_checkpoint, packaged_checkpoints
from workbench.record_model import RecordModel

_APACHE, _LGPL = "licences/Apache-2.0.txt", "licences/LGPL-3.0.md"
_SOURCES = {  # the installed package that has each text, and the file in it
    _APACHE: ("pesto-workbench", "LICENSE"),
    _LGPL: ("pesto-pitch", "LICENSE.md"),
}


class Licence(RecordModel):
    """The licence of a part of the bundle, and the file of its text."""

    covers: str
    licence: str | None
    text: str | None


def licences_of(recipe: dict[str, Any]) -> tuple[Licence, ...]:
    """Returns the licences of the code and of the weights; that of a user's checkpoint is not known."""
    code = Licence(covers="verify.py, example/ and golden/", licence="Apache-2.0", text=_APACHE)
    teacher = baseline_checkpoint(recipe["checkpoint"])
    if teacher in packaged_checkpoints():
        student = "" if teacher == recipe["checkpoint"] else ", and its student"
        weights = Licence(
            covers=f"the weights in {PROGRAM}: pesto-pitch, checkpoint {teacher}{student}",
            licence="LGPL-3.0",
            text=_LGPL,
        )
    else:
        reason = "the weights are from a checkpoint file, not from pesto-pitch; ask the author of the recipe"
        weights = Licence(
            covers=f"the weights in {PROGRAM}",
            licence=None,
            text=None,
            null_reasons=dict.fromkeys(("licence", "text"), reason),
        )
    return code, weights


def read_licence(text: str) -> bytes:
    """Returns a licence's text as its installed package has it.

    Raises:
        WorkbenchError: The package is not installed, or has no such file.
    """
    package, name = _SOURCES[text]
    try:
        found = [path for path in files(package) or () if path.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise WorkbenchError(f"{package}: its licence text ({name}) is not installed with it; reinstall the package")
    return Path(str(found[0].locate())).read_bytes()
