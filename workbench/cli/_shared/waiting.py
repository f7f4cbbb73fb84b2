"""How much a command has to do and how long it will take, said at its start and after each variant."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli._shared.interrupt import keep_finished
from workbench.cli._shared.notes import duration, note

if TYPE_CHECKING:
    from workbench.workflows.variant.prepare import PreparedVariant

MANY_VARIANTS = 5


def note_many(count: int) -> None:
    """Says first that there is much to do, if there is."""
    if count > MANY_VARIANTS:
        note(f"{count} variants; --variant chooses some of them")


class Waiting:
    """The variants of a command: how many are finished, and about how long the others take."""

    def __init__(self, variants: "Sequence[PreparedVariant]", folder: Path) -> None:
        """Prints how many variants there are, about how long they take if that is known, and the folder."""
        from workbench.workflows.variant.expected_time import expected_time

        self._total, self._done, self._measured, self._started_at = len(variants), 0, 0, time.monotonic()
        self._expected = expected_time(variants, folder)
        finished = f" ({self._expected.finished} finished already)" if self._expected.finished else ""
        note(f"{_counted(self._total)}{finished}{self._about(self._expected.source)}, in {folder}")
        keep_finished(self.finished)

    @property
    def finished(self) -> str:
        """Returns how many of the variants are finished, in words."""
        return f"{self._done} of {_counted(self._total)} {'is' if self._total == 1 else 'are'} finished"

    def done(self, measured: bool) -> None:
        """Prints how many variants are done and about how long the others take. `measured`: it was not reused."""
        self._done += 1
        self._measured += measured
        keep_finished(self.finished)
        if self._done < self._total:
            took = duration(time.monotonic() - self._started_at)
            note(f"{self._done} of {_counted(self._total)} done in {took}{self._about('left')}")

    def _about(self, what: str) -> str:
        """Returns ", about 7 minutes <what>", or "" if nothing is known or nothing is left."""
        seconds = self._expected.remaining_s(self._measured, time.monotonic() - self._started_at)
        return f", about {duration(seconds)} {what}" if seconds else ""


def _counted(count: int) -> str:
    return "1 variant" if count == 1 else f"{count} variants"
