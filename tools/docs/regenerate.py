"""Writes all generated documents: the tables of the README, the help pages, the recipe schema for editors.

    python -m tools.docs.regenerate                          from the results stored in docs/measured/
    python -m tools.docs.regenerate --records outputs/DIR    store the results and pictures of a run first
    python -m tools.docs.regenerate --bench outputs/DIR      store the record and picture of a bench first
    python -m tools.docs.regenerate --profiles outputs/DIR   store its profiles and their pictures first
    python -m tools.docs.regenerate --findings outputs/DIR   store those of `run recipes/findings` first

`tests/docs/test_docs.py` fails if a file differs from what this module writes.
"""

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from tools.docs import bad_input, findings, reliability
from tools.docs.tables import int8_cells, size_cells
from workbench.audit.verdict import rejudge
from workbench.cli import main
from workbench.measure.operators.figures import furthest_from_bound
from workbench.recipe import json_schema
from workbench.records.bench import BENCH_NAME, BENCH_PLOT_NAME, Bench
from workbench.records.profile import PROFILE_NAME, PROFILE_PLOT_NAME, Profile, read_profile
from workbench.records.result import Result, read_result
from workbench.report.columns import result_cells
from workbench.report.formatting import markdown_table
from workbench.report.highlights import representative_sizes
from workbench.report.tables.bench import bench_rows
from workbench.storage.json_files import write_json

ROOT = Path(__file__).parent.parent.parent
DYNAMIC = "dynamic@mirror=1"
MEASURED = ROOT / "docs" / "measured"
BENCH = ROOT / "docs" / BENCH_NAME
PROFILES = ROOT / "docs" / "profiles"
PICTURES = {
    "contour.png": "float-xnnpack/pictures/synthetic-score-phrase-alto.png",
    "fair.png": "float-xnnpack/pictures/synthetic-score-vibrato-bass.png",
    "unfair.png": "unfair/pictures/synthetic-score-vibrato-bass.png",
}


def readme() -> str:
    """Returns the README with its tables, from the stored results."""
    records = [read_result(path) for path in sorted(MEASURED.glob("*.json"))]
    if not records:
        raise SystemExit(f"{MEASURED}: no records; run `make measured`")
    days, commits = (sorted(set(found)) for found in zip(*map(_made_on, records), strict=True))
    place = records[0].environment
    where = (
        f"\nMeasured on {' and '.join(days)} with workbench {' and '.join(commits)}, {place.cpu}, {place.cores} cores, "
        f"{place.threads} thread, torch {place.torch}, executorch {place.executorch}.\n"
    )
    tables = {
        "measured": markdown_table([result_cells(record) for record in records if not _is_int8_experiment(record)])
        + _by_size(records)
        + where,
        "int8": markdown_table(
            [int8_cells(record) for record in records if record.program and record.program.calibration]
        ),
        "sizes": markdown_table(
            [size_cells(size) for size in representative_sizes(read_result(MEASURED / f"{DYNAMIC}.json"))]
        )
        + _one_size(),
        "bench": bench(),
        "profiles": profiles(),
    }
    text = (ROOT / "README.md").read_text()
    for name, table in tables.items():
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*(<!-- /{name} -->)",
            lambda found, table=table: f"{found[1]}{table}{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise SystemExit(f"README.md: expected one <!-- {name} -->, found {count}")
    return text


def _by_size(records: Sequence[Result]) -> str:
    """Returns a sentence on the worst call size, which the row of a dynamic program does not show."""
    worst = [
        f"{record.recipe.name} {found.worst_p95_cents:.4f} and {max(size.max_cents or 0 for size in record.sizes):.4f}"
        for record in records
        if (found := record.deviation_over_sizes).worst_p95_cents is not None
    ]
    return (
        "\nA program with several call sizes is scored in random order of sizes, and timed at the smallest. Pitch p95 "
        f"and max at its worst size, in cents: {'; '.join(worst)}.\n"
    )


def _one_size() -> str:
    """Returns a sentence on what a dynamic program costs compared with a fixed one."""
    speed = read_result(MEASURED / "float-xnnpack.json").speed
    assert speed is not None
    return (
        f"\nIn the same run float-xnnpack, with one frame per call, took {speed.variant.p50_ms:.3f} ms per frame: "
        "if the size never changes, a program of that fixed size is faster.\n"
    )


def bench() -> str:
    """Returns the tables of the stored bench, one for each number of threads."""
    if not BENCH.is_file():
        return "No bench is stored yet.\n"
    record = Bench.model_validate_json(BENCH.read_bytes())
    place = record.environment
    tables = [
        f"\nWith {run.threads} thread{'s' if run.threads > 1 else ''}:\n\n"
        + markdown_table(
            [{name: text for name, text in row.items() if name not in _LEFT_OUT} for row in bench_rows(run)]
        )
        for run in record.runs
    ]
    where = (
        f"\nMeasured on {record.created[:10]} with workbench {place.commit}, {place.cpu}, {place.cores} cores, torch "
        f"{place.torch}, executorch {place.executorch}, ONNX Runtime {record.onnxruntime}; {record.sample_rate_hz} Hz, "
        f"{record.chunk_samples}-sample chunks, mirror {record.mirror:g}, {record.frames_per_chunk} frame per call. "
        f"Pitch: on the {_voiced_of(record)} frames on which eager is confident, of the timed audio.\n"
    )
    return "".join(tables).lstrip("\n") + where


def _voiced_of(record: Bench) -> str:
    """Returns voiced and all frames, which are the same for every contender."""
    (found,) = {row["voiced"] for run in record.runs for row in bench_rows(run)}
    return found


def profiles() -> str:
    """Returns a row for each stored profile: measured time, roofline bound, and the parts furthest above it."""
    stored = [profile for path in sorted(PROFILES.glob("*.json")) if (profile := read_profile(path)) is not None]
    if not stored:
        return "No profile is stored yet.\n"
    places = sorted({(profile.created[:10], str(profile.environment.commit)) for profile in stored})
    peaks = stored[0].peaks
    where = (
        f"\nMeasured on {' and '.join(sorted({day for day, _ in places}))} with workbench "
        f"{' and '.join(sorted({commit for _, commit in places}))}, {stored[0].environment.cpu}, "
        f"{stored[0].environment.threads} thread. Peaks in the run of {stored[0].recipe.name}: float32 "
        f"{peaks.float32_gmacs.p50:.0f} and int8 {peaks.int8_gmacs.p50:.0f} × 1e9 multiply-adds a second, weights "
        f"read at {peaks.read_gbytes.p50:.0f} GB/s.\n"
    )
    return markdown_table([_profile_row(profile) for profile in stored]) + where


def _profile_row(profile: Profile) -> dict[str, str]:
    totals, name = profile.totals, profile.recipe.name
    between = [
        f"{part.name} {part.above_bound_us:.0f} of {part.net_us.p50:.0f}"
        for part in furthest_from_bound(profile.parts, 4)
        if part.net_us and part.above_bound_us
    ]
    return {
        "variant": f"[{name}](docs/profiles/{name}.json)",
        "a call (µs)": f"{totals.program_us.p50:.0f} ({totals.program_us.low:.0f}–{totals.program_us.high:.0f})",
        "bound": f"{totals.bound_us:.0f}",
        "multiply-adds": f"{sum(part.macs for part in profile.parts):,}",
        "parts and one call, of the whole": f"{totals.explained.p50:.0%}",
        "most above their bounds: µs above, of µs": "; ".join(between),
    }


_LEFT_OUT = ("voiced", "of real time", "p90", "of it loading")  # for width; bench.json has them


def _made_on(record: Result) -> tuple[str, str]:
    return record.created[:10], str(record.environment.commit)


def _is_int8_experiment(record: Result) -> bool:
    """Returns whether a result belongs to the table of int8 experiments and not to the shipped programs."""
    return record.recipe.name.startswith("int8-what-helps@")


def help_pages() -> str:
    """Returns the `--help` of every command, for `docs/cli.md`."""
    pages = ["# The commands\n\nGenerated from `--help`.\n"]
    with click.Context(main, info_name="workbench", **main.context_settings) as context:
        pages.append(f"## workbench\n\n```text\n{main.get_help(context)}\n```\n")
        for name in main.list_commands(context):
            command = main.get_command(context, name)
            assert command is not None
            with click.Context(command, context, name, max_content_width=100) as inner:
                pages.append(f"## workbench {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(pages)


def schema() -> str:
    """Returns the JSON schema of recipes."""
    return json.dumps(json_schema(), indent=2) + "\n"


def generated() -> dict[Path, str]:
    """Returns every generated file with its content."""
    return {
        ROOT / "README.md": readme(),
        ROOT / "docs" / "cli.md": help_pages(),
        ROOT / "docs" / "bad-input.md": bad_input.page(),
        ROOT / "docs" / "findings.md": findings.page(),
        ROOT / "docs" / "reliability.md": reliability.page(),
        ROOT / "recipes" / "recipe.schema.json": schema(),
    }


def keep_bench(run: Path) -> None:
    """Stores the record and the picture of a bench for the README."""
    for name in (BENCH_NAME, BENCH_PLOT_NAME):
        shutil.copyfile(run / name, BENCH.parent / name)


def keep_profiles(run: Path) -> None:
    """Stores all profiles in a folder, and their pictures, for the README."""
    PROFILES.mkdir(parents=True, exist_ok=True)
    for old in PROFILES.glob("*"):
        old.unlink()
    for record in sorted(run.glob(f"*/{PROFILE_NAME}")):
        shutil.copyfile(record, PROFILES / f"{record.parent.name}.json")
        shutil.copyfile(record.with_name(PROFILE_PLOT_NAME), PROFILES / f"{record.parent.name}.png")


def keep(run: Path) -> None:
    """Stores the results of a run, and three pictures, for the README."""
    MEASURED.mkdir(parents=True, exist_ok=True)
    for old in MEASURED.glob("*.json"):
        old.unlink()
    for record in sorted(run.glob("*/result.json")):
        shutil.copyfile(record, MEASURED / f"{record.parent.name}.json")
    for name, picture in PICTURES.items():
        shutil.copyfile(run / picture, ROOT / "docs" / name)


def rejudge_stored(path: Path) -> None:
    """Judges a stored result by the current rules. The measurements do not change."""
    record = read_result(path)
    if (judged := rejudge(record, {})) != record:
        write_json(judged, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the generated documents.")
    parser.add_argument("--records", type=Path, metavar="DIR", help="a run whose results the README shows")
    parser.add_argument("--bench", type=Path, metavar="DIR", help="a bench whose record the README shows")
    parser.add_argument("--profiles", type=Path, metavar="DIR", help="a folder of profiles which the README shows")
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a run of recipes/findings for docs/findings.md")
    arguments = parser.parse_args()
    if arguments.records:
        keep(arguments.records)
    if arguments.bench:
        keep_bench(arguments.bench)
    if arguments.profiles:
        keep_profiles(arguments.profiles)
    if arguments.findings:
        findings.keep(arguments.findings)
    for path in (*MEASURED.glob("*.json"), *findings.FINDINGS.glob("*.json")):
        rejudge_stored(path)
    for path, content in generated().items():
        path.write_text(content)
