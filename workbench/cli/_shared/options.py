"""Arguments and options that several commands have, and what the commands make of them.

Modules that import torch are imported inside the functions, so `--help` and `check` start fast.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workbench.cli._shared.interrupt import keep_folder
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.progress import progress_shown
from workbench.errors import WorkbenchError
from workbench.workflows.folders import new_output_folder, open_catalog, remove_if_empty

if TYPE_CHECKING:
    from workbench.audio.clip_catalog import ClipCatalog
    from workbench.recipe import Axis, Recipe
    from workbench.workflows.jobs.workers import Workers
    from workbench.workflows.variant.prepare import PreparedVariant

_Command = TypeVar("_Command", bound=Callable[..., Any])

calib_audio_option = click.option(
    "--calib-audio",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the clips that recipes name.  [default: calib_audio, or the shipped clips]",
)
audio_option = click.option(
    "--audio",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Audio file or folder to use instead of the clips that the recipe scores.",
)


class _ChannelType(click.ParamType[str]):
    name = "channel"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        from workbench.recipe import parse_channel

        try:
            return parse_channel(str(value))
        except ValueError as error:
            self.fail(str(error), param, context)


channel_option = click.option(
    "--channel",
    type=_ChannelType(),
    metavar="left|right|mix|N",
    help="Channel of recordings to read; N counts from 1.  [default: mix, or the recipe's audio.channel]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print results as JSON, one object per line.")
gates_option = click.option(
    "--gates",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML file of gates that override the recipes' gates, such as `program.bytes: <= 800_000`; null removes one.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the file or folder if it exists.")
fresh_option = click.option("--fresh", is_flag=True, help="Ignore cached programs and results.")


def out_option(help: str, metavar: str = "DIR") -> Callable[[_Command], _Command]:
    """Returns the option for the folder or file that a command writes."""
    return click.option("--out", type=click.Path(path_type=Path), metavar=metavar, help=help)


@dataclass(frozen=True)
class RunOptions:
    """The options of every command that builds and runs programs."""

    audio: Path | None
    out: Path | None
    as_json: bool
    fresh: bool
    calib_audio: Path | None

    @property
    def catalog(self) -> "ClipCatalog":
        return open_catalog(self.calib_audio)

    def folder(self, name: str) -> Path:
        """Returns --out, or creates a dated folder below outputs/ with this name in its own."""
        return output_folder(self.out, name)


jobs_option = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Number of processes that build and score. Programs are timed one by one.",
)
scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Build and score on the workers of a Dask cluster, such as tcp://host:8786, instead of --jobs.",
)


def opened_workers(jobs: int, scheduler: str | None) -> "Workers | None":
    """Returns the workers of --jobs or --scheduler, which end with the command. None for one job in this process."""
    from workbench.workflows.jobs.workers import open_workers

    if scheduler is not None and jobs > 1:
        raise WorkbenchError(f"--jobs {jobs}: the cluster of --scheduler has its own number of workers; remove one")
    return click.get_current_context().with_resource(open_workers(jobs, scheduler))


def run_options(out_help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds --quiet, and --audio, --out, --json, --fresh and --calib-audio, which the command receives as `options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @audio_option
        @out_option(out_help)
        @json_option
        @fresh_option
        @calib_audio_option
        @quiet_option
        @functools.wraps(command)
        def with_options(
            *args: Any,
            audio: Path | None,
            out: Path | None,
            as_json: bool,
            fresh: bool,
            calib_audio: Path | None,
            **kwargs: Any,
        ) -> None:
            command(*args, options=RunOptions(audio, out, as_json, fresh, calib_audio), **kwargs)

        return with_options

    return decorate


@dataclass(frozen=True)
class VariantOptions:
    """Which variants of the recipes a command uses, the keys that it sets in them, and the channel of recordings."""

    names: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    channel: str | None = None

    def load(self, recipes: Sequence[str], catalog: "ClipCatalog", gates: Path | None = None) -> "list[Recipe]":
        """Loads the chosen variants. Raises WorkbenchError for a mistake in a recipe or in an option."""
        from workbench.workflows.load_recipes import load_variants

        return [self.of_channel(each) for each in load_variants(recipes, catalog, gates, self.names, self.overrides())]

    def load_one(self, recipe: str, catalog: "ClipCatalog", gates: Path | None = None) -> "Recipe":
        """Loads the chosen variant. Raises WorkbenchError as `load` does, and if there are several."""
        from workbench.workflows.load_recipes import load_variant

        return self.of_channel(load_variant(recipe, catalog, gates, self.names, self.overrides()))

    def of_channel(self, recipe: "Recipe") -> "Recipe":
        """Returns a recipe with the channel of --channel."""
        from workbench.recipe import with_channel

        return recipe if self.channel is None else with_channel(recipe, self.channel)

    def overrides(self) -> "tuple[Axis, ...]":
        from workbench.recipe import overrides_from_text

        return overrides_from_text(self.settings)


def variant_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --variant, --set and --channel to a command, which receives them as `chosen`."""

    @click.option(
        "--variant",
        "names",
        multiple=True,
        metavar="NAME",
        help="Only this variant of a matrix, or all whose names start with it or match its wildcards. Repeatable.",
    )
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set a recipe key for this run, such as mirror=0.5; several values make a matrix. Repeatable.",
    )
    @channel_option
    @functools.wraps(command)
    def with_options(
        *args: Any, names: tuple[str, ...], settings: tuple[str, ...], channel: str | None, **kwargs: Any
    ) -> None:
        command(*args, chosen=VariantOptions(names, settings, channel), **kwargs)

    return with_options


def prepare_variants(variants: "Sequence[Recipe]") -> "list[PreparedVariant]":
    """Loads the model of every variant."""
    with progress_shown() as progress:
        progress.report("import", 0, 1)
        from workbench.workflows.variant.prepare import prepare_all

        progress.report("import", 1, 1)
        return prepare_all(variants, progress)


def run_name(variants: "Sequence[PreparedVariant]") -> str:
    """Returns the name of a run of these variants."""
    return variants[0].recipe.name if len(variants) == 1 else f"{len(variants)}-variants"


def output_folder(out: Path | None, name: str) -> Path:
    """Returns --out, or creates a dated folder with this name. A command that is interrupted names the folder."""
    folder = out or new_folder(name)
    keep_folder(folder)
    return folder


def new_folder(name: str) -> Path:
    """Creates a dated folder below outputs/ that no other process gets. It is removed at the end if it is empty."""
    folder = new_output_folder(name)
    click.get_current_context().call_on_close(functools.partial(remove_if_empty, folder))
    return folder
