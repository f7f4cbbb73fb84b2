"""What every backend implements: from a model and its calibration audio to a program in memory."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.recipe import Quantization

if TYPE_CHECKING:
    from workbench.model.upstream import PESTO


@dataclass(frozen=True)
class ExportInputs:
    """The inputs of an export.

    `model` may be quantized in place. `load_upstream` loads upstream's unmodified streaming model, which TorchScript
    exports instead. `clips` are the calibration audio, (n,) float32 each at the stream's rate. Two calibrations are
    compared in frames whose confidence is at least `voiced_confidence`. `confidence_threshold` becomes an entry of the
    metadata.
    """

    model: StreamingPesto
    load_upstream: Callable[[], "PESTO"]
    rules: Quantization
    clips: Sequence[Tensor]
    voiced_confidence: float
    confidence_threshold: float | None = None


@dataclass(frozen=True)
class Extra:
    """The optional packages of a backend: `pip install 'pesto-workbench[<name>]'`.

    `modules` must be importable to export. A program depends on the versions of `packages`, and on the SDK in the
    folder that the environment variable `sdk_variable` names.
    """

    name: str = ""
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    sdk_variable: str = ""

    def missing_hint(self) -> str:
        """Returns which modules are not installed and how to install them; "" if nothing is missing."""
        missing = [module for module in self.modules if find_spec(module) is None]
        return f"{', '.join(missing)} not installed: pip install 'pesto-workbench[{self.name}]'" if missing else ""

    def versions(self) -> dict[str, str]:
        """Returns the versions of the packages that are installed; an SDK's version is the name of its folder."""
        found = {}
        sdk = os.environ.get(self.sdk_variable)
        if sdk:
            found[self.sdk_variable] = Path(sdk).resolve().name
        for package in self.packages:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found


NO_EXTRA = Extra()


class Exporter(Protocol):
    """One backend. `run_instructions` says where and how a program runs that this machine cannot run."""

    @property
    def format(self) -> ProgramFormat: ...

    @property
    def extra(self) -> Extra: ...

    @property
    def run_instructions(self) -> str: ...

    def export(self, inputs: ExportInputs, progress: Progress) -> ExportedProgram:
        """Quantizes the model as its rules request, and exports it.

        Raises:
            NotInstalledError: An SDK that the backend requires is missing; `extra` is checked by the caller.
            LoweringError: A stage of the toolchain fails, or the program is not what the recipe requests.
        """
        ...
