"""The sentence above a report, and its cautions."""

import dataclasses
from pathlib import Path

from tests.helpers.results import replaced
from workbench.records.run_folders import StoredResult, find_results, unique_names
from workbench.report.summary import cautions, sentence


def test_cautions_name_what_differs(run: Path) -> None:
    record = find_results([run / "float-xnnpack"])[0].result

    def with_(**changes: object) -> list[str]:
        return cautions([StoredResult(record, run, "a"), StoredResult(record.model_copy(update=changes), run, "a")])

    assert with_() == []
    assert with_(audio=record.audio[:-1]) == ["scored on different audio"]
    assert with_(environment=record.environment.model_copy(update={"cpu": "another"})) == [
        "timed on different machines or with different threads"
    ]
    assert with_(environment=record.environment.model_copy(update={"torch": "2"})) == [
        "measured with different versions of torch or PESTO"
    ]
    other = record.recipe.model_copy(update={"resolved": {**record.recipe.resolved, "mirror": 0.0}})
    assert with_(recipe=other) == ["compared with different baselines"]


def test_sentence_of_one_variant_and_of_no_pass(run: Path) -> None:
    (one,) = find_results([run / "float-xnnpack"])
    assert sentence([one], ["it"]).startswith(f"it passes. {one.result.program.bytes:,} bytes; ")
    failing = find_results([run / "unfair", run / "int8-naive"])
    assert sentence(failing, unique_names(failing)) == "None of 2 variants passes."
    text = sentence([one, failing[0]], ["it", "other"])
    assert text.startswith(f"Of 2 variants only it passes. {one.result.program.bytes:,} bytes; ")


def rival(one: StoredResult, **changes: object) -> StoredResult:
    """The same with a program half as large; keys such as speed__speedup_p50 change more."""
    record = replaced(one.result, "program.bytes", one.result.program.bytes // 2)
    for path, value in changes.items():
        record = replaced(record, path.replace("__", "."), value)
    return dataclasses.replace(one, result=record)


def test_sentence_claims_only_what_differs(run: Path) -> None:
    (found,) = find_results([run / "float-xnnpack"])
    spread = {"speed__speedup_low": 4.5, "speed__speedup_p50": 5.0, "speed__speedup_high": 5.5}
    one = rival(found, deviation__pitch__p95_cents=2.0, floor__pitch__p95_cents=0.1, **spread)

    def claims(**changes: object) -> list[str]:
        text = sentence([one, rival(one, **changes)], ["a", "b"])
        return [claim.partition(" (")[0] for claim in text.removeprefix("2 of 2 variants pass. ").split("; ")]

    slower = {"speed__speedup_low": 3.0, "speed__speedup_p50": 4.0, "speed__speedup_high": 4.4}
    wrong = {"deviation__pitch__p95_cents": 3.0}
    assert claims(**slower, **wrong) == ["Smallest: b", "fastest: a", "most accurate: a"]
    assert claims(**slower | {"speed__speedup_high": 4.6}, **wrong)[1] == "largest median speed: a"
    assert claims(**slower, **wrong, environment__cpu="another") == ["Smallest: b", "most accurate: a"]
    assert claims(**slower, **wrong, audio=one.result.audio[:-1]) == ["Smallest: b"]
    assert claims(**slower, **wrong, floor__pitch__p95_cents=3.0)[2] == (
        "smallest deviation, but several are below the floor of 16-bit dither: a"
    )
