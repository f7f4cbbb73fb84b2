from pathlib import Path

import pytest

from workbench.records.soak import Soak
from workbench.report.tables.soak import print_soak


def test_print_soak_has_a_row_for_each_segment(soak: Soak, capsys: pytest.CaptureFixture[str]) -> None:
    print_soak(soak, Path("out"))
    header, first, second, *rest = capsys.readouterr().out.splitlines()
    assert header.startswith("until (s)")
    assert first.split()[:4] == ["1800", "20000", "/", "90000"] and first.split()[-3:] == ["1.23", "2.35", "512.3"]
    assert second.split()[:6] == ["3600", "0", "/", "90000", "–", "–"]
    assert rest == [
        "",
        "float-xnnpack: fail, 1 h of audio in 222 s",
        "  memory grew by [10%]",
        "  record   out/soak.json",
    ]


def test_print_soak_without_a_segment_has_no_table(soak: Soak, capsys: pytest.CaptureFixture[str]) -> None:
    print_soak(soak.model_copy(update={"stretches": (), "ended": "it crashed"}), Path("out"))
    assert capsys.readouterr().out.split("\n\n")[1].startswith("float-xnnpack: fail")
