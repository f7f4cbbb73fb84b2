"""One of several ways to run the same stream, as a description that another process can open."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.measure.race import Baseline
from workbench.runtime.pte import PteSession
from workbench.runtime.session import Session
from workbench.runtime.torchscript import TorchScriptSession


@dataclass(frozen=True)
class Contender:
    """`what` says in words what it is, `file` is all that it loads: for eager, upstream's checkpoint."""

    name: str
    what: str
    kind: Literal["eager", "torchscript", "onnx", "pte"]
    file: Path
    baseline: Baseline

    def session(self, threads: int) -> Session:
        """Freshly loaded, its memory empty. The threads of torch and XNNPACK are the process's: see `race.cold_start`.

        Raises ProgramError where it does not load.
        """
        stream = self.baseline.stream
        if self.kind == "eager":
            return self.baseline.session(margins=False, streams=stream.streams)
        if self.kind == "torchscript":
            return TorchScriptSession(self.file, stream)
        if self.kind == "onnx":
            from workbench.runtime.onnx import OnnxSession

            return OnnxSession(self.file, stream, threads)
        return PteSession(self.file)

    def import_runtime(self) -> None:
        """What is imported only where it is used; no part of loading a model."""
        if self.kind == "onnx":
            import onnxruntime  # noqa: F401
