"""The commands that only print: `metrics`, `recipes`, `schema` and `audio`."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ruamel.yaml import YAML

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench
from tests.helpers.recipe_files import KNOWN_NAMES
from workbench.audio.clip_catalog import ClipCatalog
from workbench.recipe import json_schema, load_recipes, shipped_clips, shipped_names, shipped_records
from workbench.records.result import gate_metrics
from workbench.report.recipe_summary import PURPOSES, summarize_recipes

pytestmark = pytest.mark.usefixtures("folder")


def test_shipped_recipes_have_a_row_with_their_stored_figures() -> None:
    result = workbench("recipes")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line and line[0].islower()}
    assert set(PURPOSES) <= set(rows) and set(PURPOSES) == {name for name in shipped_names() if "/" not in name}
    mixed = json.loads((shipped_records() / "int8-mixed.json").read_text())
    deviation = mixed["deviation"]["pitch"]["p95_cents"]
    native = mixed["speed"].get("native")  # the stored results may be from before there was a native host
    figures = [f"{mixed['program']['bytes'] / 1000:.0f}", f"{deviation:.2f}"]
    figures += [f"{native['p50_us']:.0f}", f"{native['speedup_p50']:.1f}"] if native else []
    figures += [f"{mixed['speed']['speedup_p50']:.1f}"]
    columns = len(figures)
    assert rows["int8-mixed"][-columns:] == figures
    assert rows["int8-naive"][-columns:] == ["–"] * columns
    sizes = [json.loads(path.read_text())["program"]["bytes"] for path in shipped_records().glob("float-rates@*")]
    assert rows["float-rates"][-columns] == f"{min(sizes) / 1000:,.0f}–{max(sizes) / 1000:,.0f}"
    assert "\nint8-naive: outputs/measured/int8-naive/program.pte: the program loads, but" in result.stdout
    records = [json.loads(path.read_text()) for path in shipped_records().glob("*.json")]
    cpus = Counter(record["environment"]["cpu"] for record in records)
    for index, (cpu, _) in enumerate(cpus.most_common()):
        here = [record for record in records if record["environment"]["cpu"] == cpu]
        days = " and ".join(sorted({record["created"][:10] for record in here}))
        start = ", ".join(sorted(record["recipe"]["name"] for record in here)) + ": measured" if index else "Measured"
        assert f"\n{start} on {days}: {cpu}, " in result.stdout


def test_own_recipes_have_no_figures() -> None:
    Path("recipes/two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    lines = workbench("recipes", "recipes/").stdout.splitlines()
    assert [" ".join(line.split()) for line in lines[1:3]] == [
        "least A test",
        "two A test (2 variants: mirror)",
    ]
    assert "two@mirror=1: no stored result: not a shipped recipe" in lines
    one, two = [json.loads(line) for line in workbench("recipes", "recipes/", "--json").stdout.splitlines()]
    assert (one["name"], one["variants"][0]["resolved"]["lowering"]["backend"]) == ("least", "xnnpack")
    assert [each["measured"]["bytes"] for each in two["variants"]] == [None, None]


def test_one_recipe_is_shown_with_all_keys() -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    printed = workbench("recipes", "two.yaml").stdout
    common, first, second = re.split(r"# two@mirror=\d\n", printed)
    keys = YAML(typ="safe").load(common[common.index("description:") :])
    (recipe, _) = json.loads(workbench("recipes", "two.yaml", "--json").stdout)["variants"]
    assert {**keys, "mirror": 0.0} == recipe["resolved"]
    assert (first, second) == ("mirror: 0.0\n", "mirror: 1.0\n")


def test_changed_recipe_has_no_figures() -> None:
    clips = ClipCatalog(shipped_clips())
    known = replace(KNOWN_NAMES, metrics=gate_metrics(), clips=clips.clips(), clip_folders=clips.folders())
    (recipe,) = load_recipes([shipped_names()["float-band"]], known)
    (same,) = summarize_recipes([recipe.model_copy(update={"description": "Other", "gates": ()})])
    assert same.variants[0].figures()["bytes"] > 0
    (changed,) = summarize_recipes([recipe.model_copy(update={"mirror": 0.5})])
    assert changed.variants[0].missing() == "no stored result: the recipe changed since it was measured"


def test_schema_is_the_json_schema() -> None:
    assert json.loads(workbench("schema").stdout) == json_schema()


def test_metrics_lists_what_gates_can_name() -> None:
    found = [json.loads(line) for line in workbench("metrics", "--json").stdout.splitlines()]
    assert sorted(each["metric"] for each in found) == sorted(gate_metrics())
    assert all(each["meaning"] and each["part"] for each in found)
    (latency,) = [each for each in found if each["metric"] == "latency.algorithmic_ms"]
    assert (latency["unit"], latency["better"], latency["compared"]) == ("ms", "lower", True)
    shown = workbench("metrics", "Algorithmic", "rpa50_").stdout.splitlines()
    assert [line.split()[0] for line in shown if line.startswith((" ", "latency.", "truth."))] == [
        "latency.algorithmic_ms",
        "truth.rpa50_change",
    ]


def test_audio_lists_and_renders(cache_of_the_test: Path) -> None:
    result = workbench("audio")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{'synthetic/calibrate/tone':42}    0.3 s  known f0",
        f"{'synthetic/score/sine':42}    0.3 s  known f0",
    ]
    assert len(list((cache_of_the_test / "clips").rglob("*.flac"))) >= 2
    assert [path.name for path in Path("calib_audio").iterdir()] == ["manifest.yaml"]


def test_audio_prints_json() -> None:
    found = [json.loads(line) for line in workbench("audio", "--json", "--quiet").stdout.splitlines()]
    assert [each["clip"] for each in found] == ["synthetic/calibrate/tone", "synthetic/score/sine"]
    assert all(
        each["known_f0"] and each["truth"] == "annotated" and each["seconds"] == pytest.approx(0.3) for each in found
    )


def test_audio_writes_only_scored_clips_at_the_recipe_rate() -> None:
    result = workbench("audio", "recipes/least.yaml", "--out", "clips")
    assert (result.exit_code, result.stdout) == (0, "clips/synthetic-score-sine.wav\n")
    samples, rate_hz = soundfile.read("clips/synthetic-score-sine.wav", dtype="float32")
    assert (rate_hz, soundfile.info("clips/synthetic-score-sine.wav").subtype) == (16_000, "FLOAT")
    clip = ClipCatalog(Path("calib_audio")).read("synthetic/score/sine", 16_000)
    assert np.array_equal(samples, clip.samples)
