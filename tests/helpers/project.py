"""A small project in an empty folder, and the command line run in it."""

from pathlib import Path

from click.testing import CliRunner
from click.testing import Result as CliResult

from workbench.cli import main

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.2, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sung, kind: tones, notes: [57, 60, 62], note_s: 1.0, gap_s: 0.1, harmonics: 12, level_dbfs: -12}
"""
LEAST_RECIPE = """
description: A test
sample_rate_hz: 16000
chunk_samples: 320
mirror: 1
"""


def write_project(folder: Path, manifest: str = MANIFEST, **recipes: str) -> Path:
    """Writes `calib_audio/manifest.yaml` and `<name>.yaml` for each recipe; without recipes, `least.yaml`."""
    (folder / "calib_audio").mkdir(parents=True, exist_ok=True)
    (folder / "calib_audio" / "manifest.yaml").write_text(manifest)
    for name, text in (recipes or {"least": LEAST_RECIPE}).items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def workbench(*words: str | Path) -> CliResult:
    """Runs a command in this process. An exception other than an exit fails the test."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def last_error(result: CliResult) -> str:
    """The last line on stderr."""
    return result.stderr.splitlines()[-1]
