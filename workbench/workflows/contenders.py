"""Who enters a bench: recipes and programs, checked to be of one stream before anything is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.audio.corpus import Corpus
from workbench.errors import WorkbenchError
from workbench.export.backends import EXPORTERS
from workbench.export.program_file import FILE_NAMES
from workbench.measure.timing import BaselineSpec
from workbench.progress import Progress
from workbench.recipe import Recipe, with_overrides
from workbench.runtime.isolation import OPEN_LIMIT_S, IsolatedProcess
from workbench.runtime.open_program import open_program
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare

EAGER, TORCHSCRIPT, ONNX, REFERENCE_EXPORT = "eager", "torchscript", "onnx", "first-experiments"
_ALWAYS = (EAGER, TORCHSCRIPT, ONNX, REFERENCE_EXPORT)

Keys = dict[str, object]


@dataclass(frozen=True)
class BenchSetup:
    """Who is to run: jobs to build by the contender's name, and programs that are there."""

    jobs: dict[str, PreparedVariant]
    programs: dict[str, Path]

    @property
    def baseline(self) -> BaselineSpec:
        return self.jobs[REFERENCE_EXPORT].baseline

    def with_clips(self, corpus: Corpus, audio: Path | None, progress: Progress) -> "BenchSetup":
        """Returns the same contenders with the clips of their recipes. Raises what `prepare.load_clips` raises."""
        loaded = load_clips(list(self.jobs.values()), corpus, audio, progress)
        return replace(self, jobs=dict(zip(self.jobs, loaded, strict=True)))

    @property
    def onnx(self) -> dict[str, str]:
        """By the name of a job, what ONNX Runtime on its graph is called: whatever graph a float program has, it gets
        it too."""
        return {
            name: ONNX if name == REFERENCE_EXPORT else f"{ONNX}-{name}"
            for name, job in self.jobs.items()
            if not job.quantized and EXPORTERS[job.recipe.lowering.backend].format == "pte"
        }


def collect_contenders(
    recipes: Sequence[Recipe], programs: Sequence[Path], first: Recipe, progress: Progress
) -> BenchSetup:
    """Check that all are of one stream, and load their models; `first` is restated for that stream.

    Raises WorkbenchError where they differ or two would be called the same, ProgramError for a program that cannot be
    read, RecipeError and ModelError where a recipe cannot be.
    """
    for recipe in recipes:
        if recipe.name in _ALWAYS:
            raise WorkbenchError(f"{recipe.source}: is called {recipe.name}, as one of every bench is; rename it")
    said: dict[str, Keys] = {recipe.name: _said_by(recipe) for recipe in recipes}
    for path in programs:
        with IsolatedProcess(OPEN_LIMIT_S) as child:
            said[str(path)] = child.call(_said_by_program, path)
    keys = _in_common(said)
    restated = with_overrides(first, "bench", **keys)
    jobs = {}
    for at, (name, recipe) in enumerate(
        {REFERENCE_EXPORT: restated, **{recipe.name: recipe for recipe in recipes}}.items()
    ):
        progress.report("model", at, len(recipes) + 1)
        jobs[name] = prepare(recipe)
    progress.report("model", len(jobs), len(jobs))
    graphs = BenchSetup(jobs, {}).onnx
    for name, label in graphs.items():
        if label in jobs:
            raise WorkbenchError(
                f"{jobs[label].recipe.source}: is called {label}, as ONNX Runtime on the graph of {name} is; rename it"
            )
    taken = {*_ALWAYS, *jobs, *graphs.values()}
    named: dict[str, Path] = {}
    for path in programs:
        name = path.parent.name if path.name in FILE_NAMES and path.parent.name else path.stem
        named[str(path) if name in taken | set(named) else name] = path
    return BenchSetup(jobs, named)


def _said_by(recipe: Recipe) -> Keys:
    return {
        "sample_rate_hz": recipe.sample_rate_hz,
        "chunk_samples": recipe.chunk_samples,
        "frames_per_chunk": recipe.min_frames,  # the size of the calls, where there are several
        "mirror": recipe.mirror,
        "streams": recipe.streams,
        "reduction": recipe.reduction,
        "checkpoint": recipe.checkpoint,
    }


def _said_by_program(path: Path) -> Keys:
    """In a process of its own. A program does not say which checkpoint it was made from."""
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


def _in_common(said: Mapping[str, Keys]) -> Keys:
    """What all say. Raises WorkbenchError where one says otherwise than another before it."""
    common: Keys = {}
    said_first: dict[str, str] = {}
    for name, keys in said.items():
        wrong = [key for key, value in keys.items() if common.get(key, value) != value]
        if wrong:
            mine = " and ".join(f"{key} {keys[key]}" for key in wrong)
            others = " and ".join(f"{common[key]}" for key in wrong)
            raise WorkbenchError(
                f"{name}: {mine}, where {said_first[wrong[0]]} has {others}; bench contenders of one stream at a time"
            )
        for key, value in keys.items():
            common.setdefault(key, value)
            said_first.setdefault(key, name)
    return common
