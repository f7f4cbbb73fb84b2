from pathlib import Path

import pytest

from tests.helpers.records.results import stored, without_pitch
from tests.helpers.records.soak import soak_of, soak_segment
from workbench.report.tables.soak import print_soak


def test_print_soak_has_a_row_for_each_segment(capsys: pytest.CaptureFixture[str]) -> None:
    unvoiced = without_pitch(stored().deviation).pitch
    soak = soak_of(
        soak_segment(1800.4, resident_bytes=512_300_000),
        soak_segment(3600.0, voiced_frames=0, pitch=unvoiced),
    ).replace(took_s=222.2, verdict="fail", reasons=("memory grew by [10%]",))
    print_soak(soak, Path("out"))
    header, first, second, *rest = capsys.readouterr().out.splitlines()
    assert header.startswith("until (s)")
    assert first.split()[:4] == ["1800", "10", "/", "12"] and first.split()[-4:] == ["1.000", "1.500", "2.000", "512.3"]
    assert second.split()[:6] == ["3600", "0", "/", "12", "–", "–"]
    assert rest[1:] == [
        "float-xnnpack: fail, 1 h of audio in 222 s",
        "  memory grew by [10%]",
        "  record   out/soak.json",
        "  picture  out/soak.png",
    ]
    print_soak(soak.replace(stretches=(), ended="it crashed", native=True), Path("out"))
    shown = capsys.readouterr().out
    assert "until (s)" not in shown and "in 222 s in the native host" in shown
