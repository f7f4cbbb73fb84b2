"""What tells and changes nothing: `check`, `recipes`, `schema`, `audio`, `env`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import main
from workbench.cli._shared.options import (
    beside,
    calib_audio_option,
    corpus_of,
    out_option,
    recipes_argument,
    variant_of,
    variant_option,
    variants_of,
)

if TYPE_CHECKING:
    from workbench.audio.decode import Clip


@main.command()
@recipes_argument
@calib_audio_option
def check(recipes: tuple[Path, ...], calib_audio: Path | None) -> None:
    """Read recipes and report every mistake in any of them; build nothing.

    \b
    Example:
      workbench check recipes/*.yaml
    """
    for recipe in variants_of(recipes, corpus_of(calib_audio)):
        click.echo(f"{recipe.name}: ok")


@main.command("recipes")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, each with all its keys.")
@calib_audio_option
def list_recipes(folder: Path | None, as_json: bool, calib_audio: Path | None) -> None:
    """List the variants of a folder of recipes (default: recipes/) with what they are for.

    \b
    Example:
      workbench recipes
      workbench recipes recipes/findings
    """
    variants = variants_of((folder or beside("recipes"),), corpus_of(calib_audio))
    if as_json:
        click.echo(json.dumps([{"name": recipe.name, **recipe.resolved()} for recipe in variants], indent=2))
        return
    width = max(len(recipe.name) for recipe in variants)
    for recipe in variants:
        click.echo(f"{recipe.name:{width}}  {recipe.description}")


@main.command()
def schema() -> None:
    """Print the JSON schema of recipe files, for editors.

    \b
    Example:
      workbench schema > recipes/recipe.schema.json
    """
    from workbench.recipe import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@main.command("audio")
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@variant_option
@out_option("Write the clips that RECIPE scores there, as its program hears them.")
@calib_audio_option
def list_audio(recipe: Path | None, variant: str | None, out: Path | None, calib_audio: Path | None) -> None:
    """List the clips that recipes can name, or those that RECIPE scores, and render the synthetic ones.

    With --out, what RECIPE scores is written as mono WAVs of 32-bit floats at its rate: what to feed its program
    elsewhere, on a phone say, whose frames `workbench score` is to take.

    \b
    Example:
      workbench audio
      workbench audio recipes/float-xnnpack.yaml --out clips
    """
    if recipe is None and (out is not None or variant is not None):
        raise click.UsageError("--out and --variant want a RECIPE, whose clips and rate are meant.")
    corpus = corpus_of(calib_audio)
    names, rate_hz = corpus.clips(), 48_000
    if recipe is not None:
        asked = variant_of(recipe, variant, corpus)
        names, rate_hz = tuple(corpus.match(asked.audio.score)), asked.sample_rate_hz
    corpus.render(lambda name: click.echo(f"rendering {name}", err=True))
    for name in names:
        clip = corpus.read(name, rate_hz)
        if out is None:
            known = "known f0" if clip.f0 is not None else "f0 not known"
            click.echo(f"{name:42} {clip.duration_s:6.1f} s  {known}")
        else:
            click.echo(str(_written(clip, out)))


def _written(clip: "Clip", folder: Path) -> Path:
    from workbench.audio.decode import file_stem
    from workbench.bundle.golden import wav
    from workbench.storage.atomic import write_atomic

    path = folder / f"{file_stem(clip.name)}.wav"
    write_atomic(path, wav(clip.samples[None], clip.sample_rate_hz))
    return path


@main.command("env")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def env(as_json: bool) -> None:
    """Print what matters about this machine and the versions in use.

    \b
    Example:
      workbench env --json
    """
    from workbench.records.environment import environment

    found = environment(threads=1).model_dump(mode="json", exclude={"threads", "null_reasons"})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for key, value in found.items():
            click.echo(f"{key:12} {value if value is not None else 'not known'}")
