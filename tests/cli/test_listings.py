"""The commands that only print: `metrics`, `recipes`, `schema`, `env` and `audio`."""

import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import workbench
from workbench.audio.corpus import Corpus
from workbench.recipe import json_schema
from workbench.records.result import gate_metrics

pytestmark = pytest.mark.usefixtures("folder")


def test_recipes_lists_descriptions_or_all_keys() -> None:
    (recipe,) = json.loads(workbench("recipes", "recipes", "--json").stdout)
    assert (recipe["name"], recipe["lowering"]["backend"]) == ("least", "xnnpack")
    Path("recipes/another-one.yaml").write_text(RECIPE.replace("A test", "Another test"))
    result = workbench("recipes", "recipes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "another-one  Another test\nleast        A test\n"


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


def test_env_prints_the_installed_versions() -> None:
    found = json.loads(workbench("env", "--json").stdout)
    assert found["torch"] == importlib.metadata.version("torch")
    assert found["executorch"] == importlib.metadata.version("executorch")
    assert found["python"] == sys.version.split()[0]
    assert found["cores"] >= 1
    lines = workbench("env").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(found)


def test_audio_lists_and_renders() -> None:
    result = workbench("audio")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{'synthetic/calibrate/tone':42}    0.3 s  known f0",
        f"{'synthetic/score/sine':42}    0.3 s  known f0",
    ]
    assert Path("calib_audio/synthetic/score/sine.flac").is_file()


def test_audio_writes_only_scored_clips_at_the_recipe_rate() -> None:
    result = workbench("audio", "recipes/least.yaml", "--out", "clips")
    assert (result.exit_code, result.stdout) == (0, "clips/synthetic-score-sine.wav\n")
    samples, rate_hz = soundfile.read("clips/synthetic-score-sine.wav", dtype="float32")
    assert (rate_hz, soundfile.info("clips/synthetic-score-sine.wav").subtype) == (16_000, "FLOAT")
    clip = Corpus(Path("calib_audio")).read("synthetic/score/sine", 16_000)
    assert np.array_equal(samples, clip.samples)
