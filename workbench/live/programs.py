"""Which programs are live: files, recipes that are built first, or those of the newest run that pass."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import WorkbenchError
from workbench.export.metadata import ProgramMetadata
from workbench.live.sessions import LiveProgramSession, LiveSession, open_live_baseline, open_live_program
from workbench.progress import ShowProgress
from workbench.recipe import Recipe
from workbench.records.run_folders import runs_in
from workbench.workflows.folders import program_store
from workbench.workflows.input_files import check_programs
from workbench.workflows.load_recipes import load_variants, recipe_from_result, split_programs

MAX_PROGRAMS = 6
DEFAULT_CHECKPOINT = "mir-1k_g7"
BASELINE = "upstream"


@dataclass(frozen=True)
class LiveProgram:
    """A program file under the name that is shown. `recipe` is None if it is not known, and then no take is scored."""

    name: str
    path: Path
    recipe: Recipe | None = None


@dataclass(frozen=True, eq=False)
class OpenSessions:
    """The sessions of one listener: the baseline's, and one for each program in the same order."""

    baseline: LiveSession
    programs: tuple[LiveProgramSession, ...]

    @property
    def all(self) -> tuple[LiveSession, ...]:
        """The baseline first."""
        return (self.baseline, *self.programs)

    @property
    def algorithmic_ms(self) -> tuple[float, ...]:
        """The delay of each session's frames; the baseline has the stream of the first program."""
        delays = [session.metadata.algorithmic_ms for session in self.programs]
        return (delays[0], *delays)

    @property
    def display_threshold(self) -> float:
        """The confidence below which the first program's frames have no pitch."""
        return self.programs[0].metadata.display_threshold

    def close(self) -> None:
        """Ends all processes."""
        for session in self.all:
            session.close()


def open_sessions(programs: Sequence[LiveProgram], host: Path | None) -> OpenSessions:
    """Opens a session for each program, and upstream with the stream of the first one.

    Raises WorkbenchError if one of them does not open. The others are closed then.
    """
    with ExitStack() as stack:
        opened: list[LiveProgramSession] = []
        for program in programs:
            opened.append(open_live_program(program.path, host))
            stack.callback(opened[-1].close)
        baseline = _open_baseline(programs[0].recipe, opened[0].metadata)
        stack.pop_all()
    return OpenSessions(baseline, tuple(opened))


def _open_baseline(recipe: Recipe | None, metadata: ProgramMetadata) -> LiveSession:
    """Opens upstream with the stream of a program, and the packaged checkpoint if the recipe is not known."""
    if recipe is None:
        return open_live_baseline(DEFAULT_CHECKPOINT, metadata.stream, metadata.reduction, False)
    return open_live_baseline(recipe.checkpoint, metadata.stream, recipe.reduction, recipe.trust_checkpoint)


def choose_programs(
    names: Sequence[str], catalog: ClipCatalog, outputs: Path, built: Path, show_progress: ShowProgress
) -> list[LiveProgram]:
    """Returns the programs of files and of recipes, in this order; without names, those of `newest_passing`.

    Args:
        names: Paths of programs, and names or paths of recipes.
        catalog: The clips that recipes name.
        outputs: The folder of the runs.
        built: The folder for programs that are built now.
        show_progress: Called with a title for each variant that is built.

    Raises:
        WorkbenchError: A program or a recipe cannot be used, there is none, or there are too many.
    """
    if not names:
        return newest_passing(outputs)
    references, files = split_programs(names)
    check_programs(files)
    recipes = load_variants(references, catalog) if references else []
    if len(files) + len(recipes) > MAX_PROGRAMS:
        raise WorkbenchError(f"{len(files) + len(recipes)} programs; live shows at most {MAX_PROGRAMS}, name fewer")
    programs = [LiveProgram(path.parent.name if path.stem == "program" else path.stem, path) for path in files]
    if recipes:
        programs += _build(recipes, catalog, built, show_progress)
    return _with_unique_names(programs)


def newest_passing(outputs: Path) -> list[LiveProgram]:
    """Returns the programs that pass in the newest run that has some. Raises WorkbenchError if there is no such run."""
    runs = runs_in(outputs) if outputs.is_dir() else []
    for run in sorted(runs, key=lambda run: run.created, reverse=True):
        programs = []
        for stored in run.results:
            program = stored.result.program
            path = stored.folder / program.path if program else None
            if stored.current and stored.result.verdict == "pass" and path is not None and path.is_file():
                recipe = recipe_from_result(stored.result, stored.folder)
                programs.append(LiveProgram(recipe.name, path, recipe))
        if programs:
            return programs[:MAX_PROGRAMS]
    raise WorkbenchError(
        f"{outputs}/: no run has a program that passes; name a program or a recipe, such as int8-mixed"
    )


def _build(
    recipes: Sequence[Recipe], catalog: ClipCatalog, folder: Path, show_progress: ShowProgress
) -> list[LiveProgram]:
    """Builds the programs of recipes, from the cache if it has them."""
    from workbench.workflows.build import build_programs  # imports torch
    from workbench.workflows.variant.prepare import load_clips, prepare_all

    with show_progress("") as progress:
        variants = prepare_all(recipes, progress)
        if any(variant.needs_calibration for variant in variants):
            variants = load_clips(variants, catalog, None, progress)
    outcomes = build_programs(variants, folder, show_progress, store=program_store())
    return [
        LiveProgram(recipe.name, outcome.folder / outcome.built.program.path, recipe)
        for recipe, outcome in zip(recipes, outcomes, strict=True)
    ]


def _with_unique_names(programs: Sequence[LiveProgram]) -> list[LiveProgram]:
    """Adds a number to names that occur again, and to that of the baseline."""
    seen, unique = Counter([BASELINE]), []
    for program in programs:
        seen[program.name] += 1
        number = f" ({seen[program.name]})" if seen[program.name] > 1 else ""
        unique.append(LiveProgram(program.name + number, program.path, program.recipe))
    return unique
