"""What several commands take: the arguments, and the jobs that come of them.

Imports of torch and what needs it are inside the functions: `--help` and `check` answer at once.
"""

import functools
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workbench.cli._shared.progress import progress_shown
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus
    from workbench.recipe import Recipe
    from workbench.workflows.variant.prepare import PreparedVariant

_Command = TypeVar("_Command", bound=Callable[..., Any])
_CHECKOUT = Path(__file__).parent.parent.parent.parent
_OUTPUTS = Path("outputs")
STORE = _OUTPUTS / ".programs"  # by what they were made from, for all runs

recipes_argument = click.argument(
    "recipes", nargs=-1, required=True, metavar="RECIPE...", type=click.Path(path_type=Path)
)
recipe_argument = click.argument("recipe", type=click.Path(path_type=Path))
variant_option = click.option("--variant", metavar="NAME", help="Of a recipe with a matrix, as `check` names it.")
calib_audio_option = click.option(
    "--calib-audio",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the clips that recipes name.  [default: calib_audio]",
)
audio_option = click.option(
    "--audio", type=click.Path(path_type=Path), metavar="PATH", help="Use this file or folder, not the recipe's clips."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print records as JSON, one a line.")
gates_option = click.option(
    "--gates",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML of limits laid over the recipes' own: metric: <= 0.01, or null to drop one.",
)
fresh_option = click.option("--fresh", is_flag=True, help="Make everything anew, even where nothing changed.")


def out_option(help: str, metavar: str = "DIR") -> Callable[[_Command], _Command]:
    """Where a command leaves what it makes."""
    return click.option("--out", type=click.Path(path_type=Path), metavar=metavar, help=help)


def beside(name: str) -> Path:
    """A folder of the project: here, or where the workbench is installed from."""
    return Path(name) if Path(name).is_dir() else _CHECKOUT / name


def shipped_recipe(name: str) -> Path:
    """A recipe of the project by its file's name: here where there is one, else where it is installed from."""
    here = Path("recipes") / name
    return here if here.is_file() else _CHECKOUT / "recipes" / name


def corpus_of(folder: Path | None) -> "Corpus":
    from workbench.audio.corpus import Corpus

    return Corpus(folder or beside("calib_audio"))


def variants_of(paths: Sequence[Path], corpus: "Corpus", gates: Path | None = None) -> "list[Recipe]":
    from workbench.workflows.load_recipes import load_variants

    return load_variants(paths, corpus, gates)


def jobs_of(variants: "Sequence[Recipe]") -> "list[PreparedVariant]":
    """The variants with their models."""
    from workbench.runtime.isolation import silence_library_warnings

    silence_library_warnings()
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.workflows.variant.prepare import prepare

        progress.report("import", 1, 1)
        jobs = []
        for at, recipe in enumerate(variants):
            progress.report("model", at, len(variants))
            jobs.append(prepare(recipe))
        progress.report("model", len(variants), len(variants))
    return jobs


def variant_of(path: Path, name: str | None, corpus: "Corpus", gates: Path | None = None) -> "Recipe":
    """Raises WorkbenchError where there are several and none is named, or none of that name."""
    variants = {recipe.name: recipe for recipe in variants_of([path], corpus, gates)}
    if name is None and len(variants) == 1:
        return next(iter(variants.values()))
    if name not in variants:
        asked = f"holds {len(variants)} variants" if name is None else f"holds no variant {name}"
        raise WorkbenchError(f"{path}: {asked}; name one with --variant: {', '.join(variants)}")
    return variants[name]


def name_of(jobs: "Sequence[PreparedVariant]") -> str:
    """What a run of these is called."""
    return jobs[0].recipe.name if len(jobs) == 1 else f"{len(jobs)}-variants"


def new_folder(name: str) -> Path:
    """A new dated folder under outputs/, which no other process gets as well; gone at the end where it stayed empty."""
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    folder, more = _OUTPUTS / stem, 1
    while True:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            more += 1
            folder = _OUTPUTS / f"{stem}-{more}"
        else:
            click.get_current_context().call_on_close(functools.partial(_remove_if_empty, folder))
            return folder


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
