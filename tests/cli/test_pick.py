"""The command `workbench pick`: the program that it names, exit codes, and the run that it uses by default."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.helpers.project import workbench
from tests.helpers.records.results import natively, replaced, stored, written

SMALL = stored(renamed="small", program__bytes=1000, verdict="pass")
LARGE = stored(renamed="large", deviation__pitch__p95_cents=0.0001, verdict="pass")


def test_pick_names_the_program(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"a program").hexdigest()
    for result in (LARGE, SMALL):
        folder = written(replaced(result, "program.sha256", digest), tmp_path / "run")
        (folder / "program.pte").write_bytes(b"a program")
    path = tmp_path / "run" / "small" / "program.pte"
    picked = workbench("pick", tmp_path / "run", "--objective", "smallest")
    assert (picked.exit_code, picked.stderr) == (0, "")
    assert f"  program  {path}\n" in picked.stdout
    content = json.loads(workbench("pick", tmp_path / "run", "--objective", "smallest", "--json").stdout)
    assert (content["objective"], content["rejected"]) == ("smallest", [])
    assert (content["winner"]["name"], content["winner"]["program"]) == ("small", str(path))


def test_pick_does_not_name_a_later_program(tmp_path: Path) -> None:
    path = written(SMALL, tmp_path / "run") / "program.pte"
    path.write_bytes(b"a later program")
    reason = f"{path} is not the program of this result; a later run may have replaced it"
    winner = json.loads(workbench("pick", tmp_path / "run", "--json").stdout)["winner"]
    assert (winner["program"], winner["null_reasons"]["program"]) == (None, reason)
    assert f"  program  {reason}\n" in workbench("pick", tmp_path / "run").stdout


@pytest.mark.parametrize(
    ("verdicts", "code", "start"),
    [
        (("fail", "fail"), 1, "smallest: none\n  none of 2 passes\n"),
        (("fail", "inconclusive"), 3, "smallest: none\n  none of 2 passes, 1 inconclusive\n"),
        (("inconclusive", "pass"), 0, "variant "),
    ],
)
def test_pick_exit_codes(verdicts: tuple[str, str], code: int, start: str, tmp_path: Path) -> None:
    for result, verdict in zip((LARGE, SMALL), verdicts, strict=True):
        written(result.replace(verdict=verdict, reasons=("why",)), tmp_path)
    picked = workbench("pick", tmp_path, "--objective", "smallest")
    assert picked.exit_code == code
    assert picked.stdout.startswith(start)


def test_pick_uses_the_newest_run_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert workbench("pick").stderr.startswith("error: outputs: no such folder;")
    Path("outputs").mkdir()
    assert workbench("pick").stderr == "error: outputs: no run with a result.json; `workbench run` writes one\n"
    written(replaced(SMALL, "created", "2026-01-02T00:00:00+00:00"), Path("outputs/a"))
    written(replaced(LARGE, "created", "2026-01-01T00:00:00+00:00"), Path("outputs/b"))
    picked = workbench("pick", "--objective", "fastest")
    assert (picked.exit_code, picked.stderr) == (0, "using the newest run, outputs/a\n")
    assert "fastest: small\n" in picked.stdout


def test_pick_requires_limits_of_any_metric(tmp_path: Path) -> None:
    for result in (natively(SMALL, 5.0), natively(LARGE, 10.0)):
        written(result, tmp_path)
    picked = workbench("pick", tmp_path, "--require", "speed.native.p99_us <= 0.25 ms", "--objective", "smallest")
    assert (picked.exit_code, picked.stderr) == (0, "")
    assert "small: fail: speed.native.p99_us is 300 (limit <= 250)\n" in picked.stdout
    assert "  speeds   of the native host, without Python\n" in picked.stdout
    assert "native p50 (µs)" in picked.stdout
    nothing = workbench("pick", tmp_path, "--require", "program.bytes <= 900").stdout
    assert (
        "nearest: small misses 1 gate\n  program.bytes is 1,000 (limit <= 900), 100 or 11% beyond it; what may help: "
        in nothing
    )
