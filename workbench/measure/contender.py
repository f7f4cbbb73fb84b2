"""One of several ways to run the same stream, as a description that another process can open."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.measure.timing import BaselineSpec
from workbench.runtime.open_program import import_runtime, open_program
from workbench.runtime.session import Session


@dataclass(frozen=True)
class Contender:
    """`what` says in words what it is, `file` is all that it loads: for eager, upstream's checkpoint. `sha256` is the
    file's when it was made, or entered."""

    name: str
    what: str
    kind: Literal["eager", "torchscript", "onnx", "pte"]
    file: Path
    sha256: str
    baseline: BaselineSpec

    def session(self) -> Session:
        """Freshly loaded, its memory empty. Its threads are the process's: see `race.cold_start`.

        Raises ProgramError where it does not load.
        """
        if self.kind == "eager":
            return self.baseline.session(margins=False, streams=self.baseline.stream.streams)
        return open_program(self.file)

    def import_runtime(self) -> None:
        """What is imported only where it is used; no part of loading a model."""
        if self.kind != "eager":
            import_runtime(self.file)
