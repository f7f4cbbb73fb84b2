"""`run` and `build`: from recipes to programs and records."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli._shared.group import ERROR, FAIL, INCONCLUSIVE, PASS, error_lines, main
from workbench.cli._shared.options import (
    STORE,
    audio_option,
    calib_audio_option,
    fresh_option,
    gates_option,
    json_option,
    load_variants,
    new_folder,
    open_corpus,
    out_option,
    prepare_variants,
    recipes_argument,
    run_name,
)
from workbench.cli._shared.output import print_json
from workbench.cli._shared.progress import progress_shown

if TYPE_CHECKING:
    from workbench.audio.corpus import Corpus
    from workbench.audit.reproduce import Rebuilt
    from workbench.records.result import Result
    from workbench.workflows.variant.run import RunOutcome


@main.command()
@recipes_argument
@audio_option
@gates_option
@out_option("Folder of the run; completed if there.")
@json_option
@fresh_option
@calib_audio_option
def run(
    recipes: tuple[Path, ...],
    audio: Path | None,
    gates: Path | None,
    out: Path | None,
    as_json: bool,
    fresh: bool,
    calib_audio: Path | None,
) -> None:
    """Build, score and time every variant of the recipes.

    Each variant leaves a folder with result.json, its program, pictures and frames; report.html shows all that are in
    the run's folder. Without --out that is a dated one under outputs/; with --out the same command again does only what
    is missing. What changed is measured anew, and the earlier record stays as result-<date>.json; where only gates
    changed, the same figures are judged again. Where one variant cannot be measured, the others are.

    A file of gates is a mapping of metrics to limits, as under `gates:` in a recipe. It is laid over every recipe's
    gates metric by metric, and null takes one away.

    \b
    Example:
      workbench run recipes/float-xnnpack.yaml --audio my-takes/ --out outputs/takes
      workbench run recipes/*.yaml --gates gates.yaml --out outputs/all
      workbench run recipes/float-xnnpack.yaml --json | jq .deviation.pitch.p95_cents
    """
    corpus = open_corpus(calib_audio)
    variants = prepare_variants(load_variants(recipes, corpus, gates))
    from workbench.workflows.run import RunFailure, run_variants
    from workbench.workflows.variant.prepare import load_clips

    with progress_shown() as progress:
        variants = load_clips(variants, corpus, audio, progress)
    folder = out or new_folder(run_name(variants))
    results, unmeasured = [], False
    for outcome in run_variants(variants, folder, progress_shown, fresh, STORE):
        if isinstance(outcome, RunFailure):
            for line in error_lines(outcome.error):
                click.echo(f"error: {outcome.name}: {line}", err=True)
            unmeasured = True
            continue
        results.append((outcome.result, outcome.folder))
        for archived in outcome.archived:
            click.echo(f"{outcome.folder.name}: the earlier result was renamed to {archived.name}", err=True)
        if note := _reuse_note(outcome):
            click.echo(f"{outcome.folder.name}: {note}", err=True)
    if results:
        show(results, write_page(folder, results, corpus), as_json)
    verdicts = {record.verdict for record, _ in results}
    judged = FAIL if "fail" in verdicts else INCONCLUSIVE if "inconclusive" in verdicts else PASS
    sys.exit(ERROR if unmeasured else judged)


def _reuse_note(outcome: "RunOutcome") -> str:
    """What was reused of an earlier run, in words; "" if nothing was."""
    from workbench.workflows.variant.run import Reused

    if outcome.reused is Reused.FIGURES:
        before, now = outcome.previous_verdict, outcome.result.verdict
        change = f": was {before}, is {now}" if before != now else ""
        return f"nothing measured changed; its figures are judged again{change}"
    if outcome.reused is Reused.SCORES:
        return "nothing it depends on changed; its times were in doubt, and are taken anew"
    if outcome.reused is Reused.NOTHING:
        return ""
    return f"nothing it depends on changed; the earlier {outcome.reused} is used again"


def show(results: "list[tuple[Result, Path]]", page: Path, as_json: bool) -> None:
    """Print the records, as JSON or as a table with where its page is."""
    if as_json:
        for record, place in results:
            print_json(place, record)
        return
    from workbench.report.tables.results import print_results

    print_results(results)
    click.echo(f"\nreport     {page}")


def write_page(folder: Path, results: "list[tuple[Result, Path]]", corpus: "Corpus") -> Path:
    """Write the page of all variants in the folder, this call's first; what cannot be read of others is named."""
    from workbench.workflows.run import write_run_report

    report = write_run_report(folder, results, corpus)
    for line in report.left_out:
        click.echo(f"left out of the report: {line}", err=True)
    return report.page


@main.command()
@recipes_argument
@out_option("Folder for the programs.")
@fresh_option
@calib_audio_option
def build(recipes: tuple[Path, ...], out: Path | None, fresh: bool, calib_audio: Path | None) -> None:
    """Only make the programs: lower, load and run each once, score nothing.

    A RECIPE may also be the result.json of a run: its program is built again from the recipe in the record, always
    anew, and held against the record's, byte for byte. Exit code 1 where it is another; what differs is told.

    \b
    Example:
      workbench build recipes/float-xnnpack.yaml --out build/
      workbench build outputs/monday/int8-mixed/result.json --out again/
    """
    corpus = open_corpus(calib_audio)
    from workbench.workflows.load_recipes import load_build_sources

    sources = load_build_sources(recipes, corpus)
    variants = prepare_variants(sources.recipes)
    from workbench.workflows.build import build_programs
    from workbench.workflows.variant.prepare import load_clips

    if any(variant.quantized for variant in variants):
        with progress_shown() as progress:
            variants = load_clips(variants, corpus, None, progress)
    folder = out or new_folder(run_name(variants))
    code = PASS
    for outcome in build_programs(variants, folder, progress_shown, fresh, STORE, sources.results):
        built, comparison = outcome.built, outcome.comparison
        program, start = built.program, built.cold_start
        loads = f"loads in {start.load_ms:.0f} ms" if start else built.unsupported_reason
        again = ", used again: nothing it depends on changed" if built.reused else ""
        click.echo(f"{outcome.folder / program.path}  {program.bytes:,} bytes, {loads}{again}")
        if comparison is not None:
            before = sources.results[outcome.folder.name].program
            _print_comparison(comparison, program.sha256, before.sha256 if before else "")
            code = code if comparison.same else FAIL
    sys.exit(code)


def _print_comparison(comparison: "Rebuilt", sha256: str, sha256_before: str) -> None:
    """Print whether the bytes are the record's, and where not, what is another."""
    if comparison.same:
        click.echo(f"  byte for byte the record's (sha256 {sha256[:12]}…)")
    else:
        click.echo(f"  NOT the record's: sha256 {sha256[:12]}…, was {sha256_before[:12]}…")
    for title, lines in (("differs", comparison.parts), ("since then", comparison.since)):
        for line in lines:
            click.echo(f"  {title}: {line}")
