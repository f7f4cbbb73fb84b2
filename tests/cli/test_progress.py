"""Progress on stderr: a line for each stage, or bars on a terminal."""

import pytest

from workbench.cli._shared.progress import progress_shown


@pytest.mark.parametrize("title", ["", "least"])
def test_each_stage_is_one_line(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown(title) as progress:
        for done in range(3):
            progress.report("lower", done, 2)
        progress.report("score", 0, 1)
    prefix = f"{title}: " if title else ""
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{prefix}lower\n{prefix}score\n")


def test_stage_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with progress_shown("least") as progress:
        progress.report("lower", 0, 2)
        progress.report("lower", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "least: lower" in captured.err and "2/2" in captured.err
