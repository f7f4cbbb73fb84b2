"""The command `workbench compare`: its exit codes and output formats."""

import json
from pathlib import Path

from tests.helpers.project import workbench
from tests.helpers.records.results import MEASURED, lost, replaced, stored, written
from workbench.records.result import read_result

BEFORE = stored("int8-mixed", program__bytes=1_000_000)


def test_compare_run_with_a_stored_reference(tmp_path: Path) -> None:
    reference = MEASURED / "int8-mixed.json"
    result = read_result(reference)
    compared = workbench("compare", reference, written(result, tmp_path))
    assert (compared.exit_code, compared.stdout, compared.stderr) == (0, "int8-mixed: nothing changed\n", "")
    written(replaced(result, "deviation.pitch.p95_cents", 0.99), tmp_path)
    compared = workbench("compare", reference, tmp_path)
    assert compared.exit_code == 1
    first, second = compared.stdout.splitlines()
    assert first == "int8-mixed: 1 regression"
    assert second.startswith("  regression   deviation.pitch.p95_cents changed from 0.")


def test_compare_with_a_variant_that_lost_its_program() -> None:
    compared = workbench("compare", MEASURED / "int8-mixed.json", MEASURED / "int8-naive.json")
    lines = compared.stdout.splitlines()
    assert (compared.exit_code, lines[0]) == (1, "int8-mixed -> int8-naive: 1 regression")
    assert lines[1].startswith("  regression   program is gone: ")
    assert "  recipe       quantization.everywhere: false -> true" in lines
    assert not any(line.startswith(("  number", "  program")) for line in lines)


def test_compare_lists_numbers_that_are_neither_worse_nor_better(tmp_path: Path) -> None:
    after = BEFORE
    for key, value in (("deviation.confidence.mean", 0.5), ("speed.load_ms", 99.0), ("program.sha256", "1" * 64)):
        after = replaced(after, key, value)
    compared = workbench("compare", written(BEFORE, tmp_path / "a"), written(after, tmp_path / "b"))
    first, *_, number, times = compared.stdout.splitlines()
    assert (compared.exit_code, first) == (0, "int8-mixed: no regression")
    assert number.startswith("  number       deviation.confidence.mean: ") and number.endswith(", no tolerance")
    assert times == "  number       1 time without a tolerance changed; --format json lists them"


def test_compare_shows_layers_of_one_kind_on_one_line(tmp_path: Path) -> None:
    """Layers that change alike; layers with integer weights with their bytes, as the record has them."""
    small = MEASURED / "int8-small.json"
    lines = workbench("compare", MEASURED / "int8-mixed.json", small).stdout.splitlines()
    weights = read_result(small).program.weights
    first = [stored for stored in weights if stored.layer.startswith("encoder.first.")]
    assert f"  program      schemes.frontend.group.*.project: – -> {weights[0].scheme} (" in "\n".join(lines)
    assert (
        f"  program      weights.encoder.first.*.linear.{first[0].scheme}: – -> 1 layer, {first[0].bytes:,} bytes "
        f"({first[0].float_bytes:,} in float)"
    ) in lines


def test_compare_json(tmp_path: Path) -> None:
    after = written(replaced(BEFORE, "program.bytes", 2_000_000), tmp_path / "b")
    compared = workbench("compare", written(BEFORE, tmp_path / "a"), after, "--format", "json")
    content = json.loads(compared.stdout)
    assert (compared.exit_code, content["verdict"]) == (1, "fail")
    (figure,) = content["pairs"][0]["figures"]
    assert figure.items() >= {"metric": "program.bytes", "before": 1e6, "after": 2e6, "tolerance": "1%"}.items()


def test_compare_github_escapes_annotations(tmp_path: Path) -> None:
    """As actions/toolkit escapes them: % and line ends in a message, in a title also : and the comma."""
    before = written(replaced(BEFORE, "recipe.name", "rates@rate=16k,mirror=0"), tmp_path / "a")
    after = replaced(lost(BEFORE, "50% of it:\nlost, all"), "recipe.name", "rates@rate=16k,mirror=0")
    compared = workbench("compare", before, written(after, tmp_path / "b"), "--format", "github")
    assert compared.stdout == (
        "::error title=rates@rate=16k%2Cmirror=0%3A regression::program is gone: 50%25 of it:%0Alost, all\n"
    )
    smaller = written(replaced(BEFORE, "program.bytes", 10), tmp_path / "c")
    assert workbench("compare", before, smaller, "--format", "github").stdout.startswith(
        "::notice title=rates@rate=16k%2Cmirror=0 -> int8-mixed%3A improvement::program.bytes"
    )
    assert workbench("compare", before, before, "--format", "github").stdout == "no regression\n"


def test_compare_github_warns_of_a_missing_variant(tmp_path: Path) -> None:
    for name, run in (("first", "a"), ("second", "a"), ("first", "b")):
        written(replaced(BEFORE, "recipe.name", name), tmp_path / run)
    compared = workbench("compare", tmp_path / "a", tmp_path / "b", "--format", "github")
    assert (compared.exit_code, compared.stdout) == (3, "::warning title=second::only in A; not compared\n")
