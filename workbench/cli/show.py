"""What tells and changes nothing: `check`, `recipes`, `schema`, `audio`, `env`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.group import main
from workbench.cli.inputs import beside, calib_audio_option, corpus_of, out_option, recipes_argument, variants_of

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus


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
@out_option("Write each clip there, as a program hears it.")
@click.option("--rate", type=click.IntRange(8000, 192_000), default=48_000, show_default=True, help="Of --out, in Hz.")
@calib_audio_option
def list_audio(out: Path | None, rate: int, calib_audio: Path | None) -> None:
    """List the clips that recipes can name, and render the synthetic ones.

    With --out, they are written as mono WAVs of 32-bit floats: what to feed a program elsewhere, on a phone say, whose
    frames `workbench score` is to take.

    \b
    Example:
      workbench audio
      workbench audio --out clips --rate 48000
    """
    corpus = corpus_of(calib_audio)
    corpus.render(lambda name: click.echo(f"rendering {name}", err=True))
    if out is not None:
        _write_clips(corpus, out, rate)
        return
    for name in corpus.clips():
        clip = corpus.read(name, 48_000)
        known = "known f0" if clip.f0 is not None else "f0 not known"
        click.echo(f"{name:42} {clip.duration_s:6.1f} s  {known}")


def _write_clips(corpus: "Corpus", folder: Path, rate_hz: int) -> None:
    from workbench.atomic import write_whole
    from workbench.audit.bundle.golden import wav

    for name in corpus.clips():
        path = folder / f"{name.replace('/', '-')}.wav"
        write_whole(path, wav(corpus.read(name, rate_hz).samples[None], rate_hz))
        click.echo(str(path))


@main.command("env")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def env(as_json: bool) -> None:
    """Print what matters about this machine and the versions in use.

    \b
    Example:
      workbench env --json
    """
    from workbench.audit.environment import environment

    found = environment(threads=1).model_dump(mode="json", exclude={"threads", "null_reasons"})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for key, value in found.items():
            click.echo(f"{key:12} {value if value is not None else 'not known'}")
