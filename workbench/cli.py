"""The command line. It alone prints, and turns errors into one line each on stderr and an exit code."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import RecipeError, WorkbenchError

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus
    from workbench.job import Job, Progress
    from workbench.recipe import Recipe
    from workbench.runtime.session import Frames

# Imports of torch and what needs it are inside the commands: `--help` and `check` answer at once.

PASS, FAIL, ERROR, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
_CHECKOUT = Path(__file__).parent.parent


def _beside(name: str) -> Path:
    """A folder of the project: here, or where the workbench is installed from."""
    return Path(name) if Path(name).is_dir() else _CHECKOUT / name


class _Translating(click.Group):
    """A group whose commands' errors become lines."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except RecipeError as error:
            lines = error.problems
        except WorkbenchError as error:
            lines = (str(error),)
        except OSError as error:
            lines = (f"{error.filename or 'a file'}: {error.strerror or error}; nothing more was written",)
        except KeyboardInterrupt:
            click.echo("interrupted; the same command with --out goes on from what is there", err=True)
            sys.exit(INTERRUPTED)
        for line in lines:
            click.echo(f"error: {line}", err=True)
        sys.exit(ERROR)


_recipes = click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...", type=click.Path(path_type=Path))
_calib_audio = click.option(
    "--calib-audio",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the clips that recipes name.  [default: calib_audio]",
)
_fresh = click.option("--fresh", is_flag=True, help="Make everything anew, even where nothing changed.")


@click.group(cls=_Translating, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pesto-workbench", prog_name="workbench")
def main() -> None:
    """Export PESTO pitch tracking to ExecuTorch, and measure what the export cost.

    Exit codes: 0 all gates pass; 1 a gate fails; 2 a mistake in the command, a recipe, the audio or a program;
    3 nothing fails, but something could not be decided.

    \b
    Example:
      workbench run recipes/float-xnnpack.yaml
    """


@main.command()
@_recipes
@click.option("--audio", type=click.Path(path_type=Path), metavar="PATH", help="Score on this file or folder instead.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the run; completed if there.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as one line of JSON.")
@_fresh
@_calib_audio
def run(
    recipes: tuple[Path, ...],
    audio: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Build, score and time every variant of the recipes.

    Each variant leaves a folder with result.json, program.pte, pictures and frames. Without --out the run gets a dated
    folder under outputs/; with --out the same command again does only what is missing.

    \b
    Example:
      workbench run recipes/float-xnnpack.yaml --audio my-takes/ --out outputs/takes
      workbench run recipes/float-xnnpack.yaml --json | jq .deviation.pitch.p95_cents
    """
    corpus = _corpus(calib_audio)
    jobs = _jobs(recipes, corpus)
    from workbench.job import listen
    from workbench.pipeline import run as run_variant

    folder = out or _new_folder([job.recipe for job in jobs])
    with _progress() as progress:
        listen(jobs, corpus, audio, progress)
    results = []
    rolled: dict[str, Frames] = {}
    for at, job in enumerate(jobs):
        with _progress(f"{job.recipe.name} ({at + 1} of {len(jobs)})") as progress:
            record, reused = run_variant(job, folder / job.recipe.name, progress, rolled, fresh)
        results.append((record, folder / job.recipe.name))
        if reused:
            click.echo(
                f"{job.recipe.name}: nothing it depends on changed; the earlier {reused} is used again", err=True
            )
    if as_json:
        for record, place in results:
            click.echo(json.dumps({"folder": str(place), **record.model_dump(mode="json")}, allow_nan=False))
    else:
        from workbench.audit.table import print_results

        print_results(results)
    verdicts = {record.verdict for record, _ in results}
    sys.exit(FAIL if "fail" in verdicts else INCONCLUSIVE if "inconclusive" in verdicts else PASS)


@main.command()
@_recipes
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the programs.")
@_fresh
@_calib_audio
def build(recipes: tuple[Path, ...], out: Path | None, fresh: bool, calib_audio: Path | None) -> None:
    """Only make the programs: lower, load and run each once, score nothing.

    \b
    Example:
      workbench build recipes/float-xnnpack.yaml --out build/
    """
    corpus = _corpus(calib_audio)
    jobs = _jobs(recipes, corpus)
    from workbench.job import listen
    from workbench.pipeline import build as build_program

    if any(job.quantized for job in jobs):
        with _progress() as progress:
            listen(jobs, corpus, None, progress)

    folder = out or _new_folder([job.recipe for job in jobs])
    for job in jobs:
        place = folder / job.recipe.name
        with _progress(job.recipe.name) as progress:
            program, start, reused = build_program(job, place, progress, fresh)
        again = ", used again: nothing it depends on changed" if reused else ""
        click.echo(f"{place / program.path}  {program.bytes:,} bytes, loads in {start.load_ms:.0f} ms{again}")


@main.command()
@_recipes
@_calib_audio
def check(recipes: tuple[Path, ...], calib_audio: Path | None) -> None:
    """Read recipes and report every mistake in any of them; build nothing.

    \b
    Example:
      workbench check recipes/*.yaml
    """
    for recipe in _variants(recipes, _corpus(calib_audio)):
        click.echo(f"{recipe.name}: ok")


@main.command("recipes")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, each with all its keys.")
@_calib_audio
def list_recipes(folder: Path | None, as_json: bool, calib_audio: Path | None) -> None:
    """List the variants of a folder of recipes (default: recipes/) with what they are for.

    \b
    Example:
      workbench recipes
    """
    variants = _variants((folder or _beside("recipes"),), _corpus(calib_audio))
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
@_calib_audio
def list_audio(calib_audio: Path | None) -> None:
    """List the clips that recipes can name, and render the synthetic ones.

    \b
    Example:
      workbench audio
    """
    corpus = _corpus(calib_audio)
    corpus.render(lambda name: click.echo(f"rendering {name}", err=True))
    for name in corpus.clips():
        clip = corpus.read(name, 48_000)
        known = "known f0" if clip.f0 is not None else "f0 not known"
        click.echo(f"{name:42} {clip.duration_s:6.1f} s  {known}")


@main.command()
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--program", required=True, type=click.Path(path_type=Path), metavar="FILE.pte", help="What to run.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="A .csv, .json or .png; CSV is printed else."
)
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of a .png only.")
def track(audio: Path, program: Path, out: Path | None, threshold: float) -> None:
    """Run an exported program on an audio file: time in milliseconds, hertz, confidence.

    \b
    Example:
      workbench track take.wav --program program.pte --out take.csv
    """
    from workbench.atomic import write_whole
    from workbench.runtime.child import silence_libraries

    silence_libraries()
    from workbench.track import FORMATS, rendered
    from workbench.track import track as track_file

    if out is not None and out.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{out}: cannot write that; use a name that ends in {', '.join(FORMATS)}")
    answer = track_file(audio, program)
    content = rendered(answer, out.suffix.lower() if out else ".csv", threshold)
    if out:
        write_whole(out, content)
        click.echo(f"{out}: {len(answer.time_s)} frames", err=True)
    else:
        click.echo(content.decode(), nl=False)


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


def _corpus(folder: Path | None) -> "Corpus":
    from workbench.audio.corpus import Corpus

    return Corpus(folder or _beside("calib_audio"))


def _variants(paths: Sequence[Path], corpus: "Corpus") -> "list[Recipe]":
    from workbench.catalogue import recipes_of

    return recipes_of(paths, corpus)


def _jobs(paths: Sequence[Path], corpus: "Corpus") -> "list[Job]":
    variants = _variants(paths, corpus)
    from workbench.runtime.child import silence_libraries

    silence_libraries()
    with _progress() as progress:
        progress("import", 0, 1)
        from workbench.job import prepare

        progress("import", 1, 1)
        jobs = []
        for at, recipe in enumerate(variants):
            progress("model", at, len(variants))
            jobs.append(prepare(recipe))
        progress("model", len(variants), len(variants))
    return jobs


def _new_folder(recipes: "Sequence[Recipe]") -> Path:
    """A dated folder under outputs/ that does not exist yet."""
    name = recipes[0].name if len(recipes) == 1 else f"{len(recipes)}-variants"
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    root = Path("outputs")
    folder, more = root / stem, 1
    while folder.exists():
        more += 1
        folder = root / f"{stem}-{more}"
    return folder


@contextmanager
def _progress(title: str = "") -> "Iterator[Progress]":
    """Bars on a terminal, a line for each stage elsewhere; always on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    prefix = f"{title}: " if title else ""
    if not console.is_terminal:
        seen = set()

        def line(stage: str, done: int, total: int) -> None:
            if stage not in seen:
                seen.add(stage)
                click.echo(f"{prefix}{stage}", err=True)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def bar(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(prefix + stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield bar


if __name__ == "__main__":
    main()
