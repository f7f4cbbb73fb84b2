"""A tracker that is missing, fails or crashes is a row that says so; the others go on. A record is kept after each."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.bad_input_cases import MANIFEST
from workbench.audio.clip_catalog import ClipCatalog
from workbench.measure.rivals.step_times import ROUNDS
from workbench.progress import Progress
from workbench.records.rivals import RIVALS_NAME, Rivals
from workbench.report.plots.rivals import rivals_png
from workbench.report.tables.rivals import print_rivals
from workbench.rivals.rival import Estimate, Floats, Rival, Tracker
from workbench.workflows.rivals.clips import load_clips
from workbench.workflows.rivals.comparison import Comparison
from workbench.workflows.rivals.run import run_rivals
from workbench.workflows.store_results import rivals_writer

RATE_HZ, HOP = 16_000, 160


def _constant(samples: Floats) -> Estimate:
    """A4, voiced where the audio is loud; it knows 512 samples around each frame."""
    times = np.arange(0, len(samples), HOP)
    level = np.array([np.abs(samples[max(0, at - 256) : at + 256]).max() for at in times])
    return Estimate(times / RATE_HZ, np.full(len(times), 440.0), level > 1e-3, np.minimum(level, 1))


def _refuse(samples: Floats) -> Estimate:
    raise ValueError("cannot do this clip")


def _load_good() -> Tracker:
    return Tracker(_constant)


def _load_refusing() -> Tracker:
    return Tracker(_refuse)


def _load_crashing() -> Tracker:
    os.abort()


def _load_failing_stream() -> Tracker:
    return Tracker(_constant, push=_refuse)


def _rival(name: str, load, module: str = "math") -> Rival:
    return Rival(name, module, "its-package", "MIT", RATE_HZ, HOP, "level", None, "", "never", load)


RIVALS = (
    _rival("missing", _load_good, "no_such_module"),
    _rival("refusing", _load_refusing),
    _rival("crashing", _load_crashing),
    _rival("good", _load_good),
)
REASONS = {
    "missing": "its-package is not installed; pip install 'pesto-workbench[rivals]'",
    "refusing": "failed on tone.flac (cannot do this clip)",
    "crashing": "the program crashed the runtime",
}


@pytest.fixture
def catalog(tmp_path: Path) -> ClipCatalog:
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    return ClipCatalog(tmp_path)


def test_rows(catalog: ClipCatalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[Rivals] = []
    calibration, scored = load_clips(catalog, (), "mix", Progress())
    comparison = Comparison(RIVALS, tuple(calibration), tuple(scored))
    record = run_rivals(comparison, (), {}, Progress(), kept.append, speed=False)

    assert [(len(each.trackers), len(each.not_run)) for each in kept] == [(0, 1), (0, 2), (0, 3), (1, 3)]
    assert {absent.name: absent.reason.split(" (last stderr")[0] for absent in record.not_run} == REASONS
    (good,) = record.trackers
    assert good.bytes is None
    assert good.null_reasons["time"] == "left out by --no-speed"
    assert good.score("annotated").default.rpa50 == 1  # the scored tone is A4
    assert record.scored[0].voiced_frames == 19  # of its 0.2 s, every 10 ms
    assert Rivals.model_validate_json(record.model_dump_json()) == record

    print_rivals(record, tmp_path)
    printed = capsys.readouterr().out
    assert "crashing: not run: the program crashed the runtime" in printed
    assert rivals_png(record).startswith(b"\x89PNG")

    archived: list[Path | None] = []
    for _ in range(2):  # the second command finds the record of the first one
        write = rivals_writer(tmp_path, archived.append)
        for each in kept:
            write(each)
    assert Rivals.model_validate_json((tmp_path / RIVALS_NAME).read_bytes()) == kept[-1]
    assert [path is None for path in archived] == [True, False], "a command replaces its own records"
    assert len(list(tmp_path.glob("rivals-*.json"))) == 1


@pytest.mark.slow
def test_a_tracker_that_fails_while_it_is_timed_has_its_row_and_the_reason(
    catalog: ClipCatalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[Rivals] = []
    calibration, scored = load_clips(catalog, (), "mix", Progress())
    rivals = (_rival("first", _load_good), _rival("broken", _load_failing_stream), _rival("good", _load_good))
    record = run_rivals(Comparison(rivals, tuple(calibration), tuple(scored)), (), {}, Progress(), kept.append)

    untimed = "the command ended before the trackers were timed"
    assert [set(each.not_timed.values()) for each in kept[:3]] == [{untimed}] * 3
    assert kept[3] == record
    assert set(record.not_timed) == {"broken"}
    assert "(cannot do this clip)" in record.not_timed["broken"]
    assert [each.time and (each.time.reference, each.time.rounds) for each in record.trackers] == [
        ("first", ROUNDS),
        None,
        ("first", ROUNDS),
    ]
    first = record.trackers[0].time
    assert first and first.ratio and (first.ratio.low, first.ratio.high) == (1, 1)
    assert Rivals.model_validate_json(record.model_dump_json()) == record

    print_rivals(record, tmp_path)
    assert "broken: not timed: failed on" in capsys.readouterr().out
