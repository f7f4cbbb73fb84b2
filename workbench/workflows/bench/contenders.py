"""The contenders of a bench: recipes and programs, checked to be of one stream before anything is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import WorkbenchError
from workbench.export.backends import EXPORTERS
from workbench.export.program_file import FILE_NAMES
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import baseline_checkpoint
from workbench.progress import Progress
from workbench.recipe import Recipe, with_overrides
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.open_program import import_runtime, open_program
from workbench.workflows.input_files import check_programs
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare_all

EAGER, TORCHSCRIPT, ONNX, REFERENCE_EXPORT = "eager", "torchscript", "onnx", "first-experiments"
_RESERVED = (EAGER, TORCHSCRIPT, ONNX, REFERENCE_EXPORT)

StreamKeys = dict[str, object]


@dataclass(frozen=True)
class BenchSetup:
    """What a bench times: variants to build and existing programs, each by the contender's name.

    The variants include REFERENCE_EXPORT, which is in every bench.
    """

    variants: dict[str, PreparedVariant]
    programs: dict[str, Path]

    @property
    def reference(self) -> PreparedVariant:
        return self.variants[REFERENCE_EXPORT]

    @property
    def baseline(self) -> BaselineSpec:
        return self.reference.baseline

    @property
    def requested(self) -> set[str]:
        """The names of the contenders that the user asked for, and of the reference export."""
        return {*self.variants, *self.programs}

    @property
    def onnx_names(self) -> dict[str, str]:
        """By the name of each float `.pte` variant, the name of the contender that is its graph in ONNX Runtime."""
        return {
            name: ONNX if name == REFERENCE_EXPORT else f"{ONNX}-{name}"
            for name, variant in self.variants.items()
            if not variant.quantized and EXPORTERS[variant.recipe.lowering.backend].format == "pte"
        }

    def with_clips(self, catalog: ClipCatalog, audio: Path | None, progress: Progress) -> "BenchSetup":
        """Returns the same contenders with the clips of their recipes. Raises what `prepare.load_clips` raises."""
        loaded = load_clips(list(self.variants.values()), catalog, audio, progress)
        return replace(self, variants=dict(zip(self.variants, loaded, strict=True)))


def collect_contenders(
    recipes: Sequence[Recipe], programs: Sequence[Path], reference: Recipe, progress: Progress
) -> BenchSetup:
    """Checks that all contenders are of one stream, and loads the models of the recipes.

    Args:
        recipes: The recipes to build.
        programs: Existing programs.
        reference: The recipe of REFERENCE_EXPORT. It gets the stream of the others.
        progress: Receives the stages.

    Raises:
        WorkbenchError: The streams differ, or a name is reserved.
        ProgramError: A program is missing or cannot be read.
        RecipeError, ModelError: A recipe cannot be prepared.
    """
    for recipe in recipes:
        if recipe.name in _RESERVED:
            raise WorkbenchError(f"{recipe.source}: the name {recipe.name} is reserved in a bench; rename the recipe")
    check_programs(programs)
    streams: dict[str, StreamKeys] = {recipe.name: _stream_keys(recipe) for recipe in recipes}
    for path in programs:
        with IsolatedProcess() as child:
            child.call(_import_runtime, path)  # torch and its kin: no limit, because it is slow on a busy machine
            child.limit_s = OPEN_LIMIT_S
            streams[str(path)] = child.call(_program_stream_keys, path)
    keys = _common_keys(streams)
    entered = {REFERENCE_EXPORT: with_overrides(reference, "bench", **keys)}
    entered |= {recipe.name: recipe for recipe in recipes}
    variants = dict(zip(entered, prepare_all(list(entered.values()), progress), strict=True))
    setup = BenchSetup(variants, {})
    for name, onnx_name in setup.onnx_names.items():
        if onnx_name in variants:
            raise WorkbenchError(
                f"{variants[onnx_name].recipe.source}: the name {onnx_name} is reserved for the graph of {name} in "
                "ONNX Runtime; rename the recipe"
            )
    reserved = {*_RESERVED, *variants, *setup.onnx_names.values()}
    return replace(setup, programs=_name_programs(programs, reserved))


def _name_programs(programs: Sequence[Path], reserved: set[str]) -> dict[str, Path]:
    """Names each program after its file, or its folder if the file has a default name; by its path if that is taken."""
    named: dict[str, Path] = {}
    for path in programs:
        name = path.parent.name if path.name in FILE_NAMES and path.parent.name else path.stem
        if name in reserved or name in named:
            name = str(path)
        named[name] = path
    return named


def _stream_keys(recipe: Recipe) -> StreamKeys:
    return {
        "sample_rate_hz": recipe.sample_rate_hz,
        "chunk_samples": recipe.chunk_samples,
        "frames_per_chunk": recipe.min_frames,  # the size of the calls, if there are several
        "mirror": recipe.mirror,
        "streams": recipe.streams,
        "reduction": recipe.reduction,
        "checkpoint": baseline_checkpoint(recipe.checkpoint),
    }


def _import_runtime(path: Path) -> None:
    """For a child process: imports this module, which it does to find this function, and the runtime of a program."""
    import_runtime(path)


def _program_stream_keys(path: Path) -> StreamKeys:
    """For a child process. The metadata of a program does not have its checkpoint."""
    session = open_program(path)
    stream = session.stream
    return {
        "sample_rate_hz": stream.sample_rate_hz,
        "chunk_samples": stream.chunk_samples,
        "frames_per_chunk": stream.frames_per_chunk,
        "mirror": stream.mirror,
        "streams": stream.streams,
        "reduction": session.metadata.reduction,
    }


def _common_keys(streams: Mapping[str, StreamKeys]) -> StreamKeys:
    """Returns the keys that all contenders share. Raises WorkbenchError if one differs from an earlier one."""
    common: StreamKeys = {}
    first_with: dict[str, str] = {}
    for name, keys in streams.items():
        different = [key for key, value in keys.items() if common.get(key, value) != value]
        if different:
            found = " and ".join(f"{key} {keys[key]}" for key in different)
            expected = " and ".join(f"{common[key]}" for key in different)
            raise WorkbenchError(
                f"{name}: {found}, but {first_with[different[0]]} has {expected}; all contenders of a bench need the "
                "same stream"
            )
        for key, value in keys.items():
            common.setdefault(key, value)
            first_with.setdefault(key, name)
    return common
