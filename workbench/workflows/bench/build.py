"""The file of each contender: built in a folder below the bench's, or an existing program."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from workbench.errors import ChangedError, LoweringError, ProgramError
from workbench.export.backends import EXPORTERS, file_name_for
from workbench.export.metadata import metadata_of
from workbench.export.onnx import to_onnx
from workbench.export.program_file import format_of
from workbench.export.torchscript import trace_upstream
from workbench.measure.bench.worker import Contender
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import checkpoint_path
from workbench.model.streaming import StreamingPesto
from workbench.model.student.load import load_student
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.recipe import Recipe
from workbench.runtime.isolation import IsolatedProcess
from workbench.storage.atomic import write_atomic
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive
from workbench.workflows.bench.contenders import EAGER, ONNX, TORCHSCRIPT, BenchSetup
from workbench.workflows.variant.build import build_to_run, check_no_result_replaced
from workbench.workflows.variant.prepare import PreparedVariant


class ContenderSpec(Protocol):
    """How to get the file of a contender. `name` is the contender's, `what` says what it is."""

    @property
    def name(self) -> str: ...
    @property
    def what(self) -> str: ...

    def build(self, folder: Path, progress: Progress) -> Path:
        """Returns the path of the file, built below the bench's folder if it does not exist.

        Raises LoweringError or ProgramError if there is none, WorkbenchError if it would replace a result's program.
        """


@dataclass(frozen=True)
class _Exported:
    """A file that `export` returns in a child process."""

    name: str
    what: str
    file_name: str
    export: Callable[[], bytes]

    def build(self, folder: Path, progress: Progress) -> Path:
        target = folder / self.name
        with exclusive(target), IsolatedProcess() as child:
            check_no_result_replaced(target)
            write_atomic(target / self.file_name, child.call(self.export))
        return target / self.file_name


@dataclass(frozen=True)
class _Variant:
    """The program of a recipe."""

    name: str
    variant: PreparedVariant
    fresh: bool
    store: Path | None

    @property
    def what(self) -> str:
        return self.variant.recipe.description

    def build(self, folder: Path, progress: Progress) -> Path:
        target = folder / self.name
        with exclusive(target):
            check_no_result_replaced(target, self.variant, self.fresh)
            program = build_to_run(self.variant, target, progress.child(self.name), self.fresh, self.store)
        return target / program.path


@dataclass(frozen=True)
class _Program:
    """A program that exists."""

    name: str
    path: Path
    what: str = "program"

    def build(self, folder: Path, progress: Progress) -> Path:
        return self.path


@dataclass(frozen=True)
class BuiltContenders:
    """Contenders that can be opened, eager first; the others with the reason; and the variants that were built."""

    contenders: tuple[Contender, ...]
    not_run: dict[str, str] = field(default_factory=dict)
    variants: Sequence[PreparedVariant] = ()

    def check_unchanged(self) -> None:
        """Raises ChangedError if a file, a checkpoint or the source is not what it was. Nothing locks the folders."""
        for variant in self.variants:
            variant.check_unchanged()
        for contender in self.contenders:
            if sha256_of(contender.file) != contender.sha256:
                raise ChangedError(f"{contender.file}: changed while it was used; run again")


def build_contenders(
    setup: BenchSetup,
    folder: Path,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
    only: Collection[str] | None = None,
) -> BuiltContenders:
    """Builds the file of every contender, each in a folder below `folder` that has its name.

    Args:
        setup: The contenders, with the calibration clips of quantized variants.
        folder: The folder of the bench.
        progress: Receives the stages.
        fresh: Exports programs of recipes even if they are cached.
        store: The cache of programs of all runs.
        only: The names of the contenders to build, besides eager. None stands for all.

    Raises:
        WorkbenchError: A folder has a result whose program would be replaced.
    """
    baseline = setup.baseline
    checkpoint = checkpoint_path(baseline.checkpoint)
    sha256 = setup.reference.checkpoint_sha256
    contenders = [Contender(EAGER, "upstream, streaming", "eager", checkpoint, sha256, baseline)]
    onnx_hint = EXPORTERS["onnx"].extra.missing_hint()
    not_run = {ONNX: onnx_hint} if onnx_hint else {}
    for spec in _specs(setup, fresh, store, with_onnx=not onnx_hint):
        if only is not None and spec.name not in only:
            continue
        try:
            file = spec.build(folder, progress)
            contender = Contender(spec.name, spec.what, format_of(file.name), file, sha256_of(file), baseline)
        except (LoweringError, ProgramError) as error:
            not_run[spec.name] = str(error)
        else:
            contenders.append(contender)
    return BuiltContenders(tuple(contenders), not_run, tuple(setup.variants.values()))


def _specs(setup: BenchSetup, fresh: bool, store: Path | None, with_onnx: bool) -> list[ContenderSpec]:
    """All contenders but eager, in the order of the table."""
    baseline = setup.baseline
    traced = partial(_trace_upstream, baseline)
    specs: list[ContenderSpec] = [_Exported(TORCHSCRIPT, "upstream, traced", file_name_for("torchscript"), traced)]
    for name, onnx_name in setup.onnx_names.items() if with_onnx else ():
        export = partial(_export_onnx, baseline, setup.variants[name].recipe)
        what = f"ONNX Runtime, the graph of {name}, state in and out"
        specs.append(_Exported(onnx_name, what, file_name_for("onnx"), export))
    specs += [_Variant(name, variant, fresh, store) for name, variant in setup.variants.items()]
    specs += [_Program(name, path) for name, path in setup.programs.items()]
    return specs


def _trace_upstream(baseline: BaselineSpec) -> bytes:
    upstream = load_upstream(baseline.checkpoint, baseline.stream, baseline.reduction, baseline.trust)
    metadata = metadata_of(StreamingPesto(upstream, baseline.stream))
    return trace_upstream(upstream, baseline.stream, metadata).content


def _export_onnx(baseline: BaselineSpec, recipe: Recipe) -> bytes:
    upstream = load_upstream(baseline.checkpoint, baseline.stream, baseline.reduction, baseline.trust)
    student = load_student(recipe.checkpoint, baseline.stream.sample_rate_hz)
    return to_onnx(StreamingPesto(upstream, baseline.stream, recipe.implementations, "explicit", student=student))
