"""`build`: from recipes, or from results, to programs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import FAIL, PASS, main
from workbench.cli._shared.notes import quiet_option
from workbench.cli._shared.options import (
    VariantOptions,
    calib_audio_option,
    fresh_option,
    json_option,
    out_option,
    output_folder,
    prepare_variants,
    run_name,
    variant_options,
)
from workbench.cli._shared.output import print_object
from workbench.cli._shared.progress import progress_shown
from workbench.cli._shared.recipe_argument import recipes_argument
from workbench.workflows.folders import open_catalog, program_store

if TYPE_CHECKING:
    from workbench.audit.reproduce import Rebuilt
    from workbench.workflows.build import BuildOutcome


@main.command()
@recipes_argument
@variant_options
@out_option("Folder for the programs.  [default: a dated folder below outputs/]")
@json_option
@fresh_option
@calib_audio_option
@quiet_option
def build(
    recipes: tuple[str, ...],
    chosen: VariantOptions,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Build the programs without scoring them.

    Writes a folder for each variant with its program, which is loaded and run once. A RECIPE can also be the
    result.json of a run: the program is rebuilt from the recipe in the result, without the cache, and compared byte for
    byte. Exits with 1 and lists the differences if it is not identical.

    A recipe with the backend onnx, openvino, coreml or arm needs the extra of this name: pip install
    'pesto-workbench[onnx]'. `workbench doctor` lists which are installed.

    \b
    Example:
      workbench build float-xnnpack --out build/
      workbench build outputs/monday/int8-mixed/result.json --out again/
    """
    from workbench.workflows.load_recipes import load_build_sources

    catalog = open_catalog(calib_audio)
    sources = load_build_sources(recipes, catalog, chosen.names, chosen.overrides())
    variants = prepare_variants([chosen.of_channel(recipe) for recipe in sources.recipes])
    from workbench.workflows.build import build_programs
    from workbench.workflows.variant.prepare import load_clips

    if any(variant.needs_calibration for variant in variants):
        with progress_shown() as progress:
            variants = load_clips(variants, catalog, None, progress)
    folder = output_folder(out, run_name(variants))
    identical = True
    for outcome in build_programs(variants, folder, progress_shown, fresh, program_store(), sources.results):
        comparison = outcome.comparison
        expected = sources.results[outcome.folder.name].program if comparison else None
        if as_json:
            _print_json(outcome)
        else:
            _print_line(outcome)
            if comparison is not None:
                _print_comparison(comparison, outcome.built.program.sha256, expected.sha256 if expected else "")
        identical = identical and (comparison is None or comparison.same)
    sys.exit(PASS if identical else FAIL)


def _print_line(outcome: "BuildOutcome") -> None:
    """Prints the path of a program, its size, and whether it loads here."""
    built, program = outcome.built, outcome.built.program
    state = built.unsupported_reason if built.load_ms is None else f"loads in {built.load_ms:.0f} ms"
    reused = ", unchanged: reused" if built.reused else ""
    click.echo(f"{outcome.folder / program.path}  {program.bytes:,} bytes, {state}{reused}")


def _print_json(outcome: "BuildOutcome") -> None:
    built, program, comparison = outcome.built, outcome.built.program, outcome.comparison
    print_object(
        program=str(outcome.folder / program.path),
        bytes=program.bytes,
        sha256=program.sha256,
        load_ms=built.load_ms,
        not_run_here=built.unsupported_reason,
        reused=built.reused,
        identical=comparison.same if comparison else None,
        differs=list(comparison.parts) if comparison else [],
        changed_since=list(comparison.since) if comparison else [],
    )


def _print_comparison(comparison: "Rebuilt", sha256: str, expected_sha256: str) -> None:
    """Prints whether the bytes are those of the result, and the differences if they are not."""
    if comparison.same:
        click.echo(f"  identical to the program of the result (sha256 {sha256[:12]}…)")
    else:
        click.echo(f"  NOT identical: sha256 {sha256[:12]}…, in the result {expected_sha256[:12]}…")
    for line in comparison.parts:
        click.echo(f"  differs: {line}")
    for line in comparison.since:
        click.echo(f"  changed since: {line}")
