"""A damaged program never takes the workbench down: refused, crashed in a process of its own, or run."""

from pathlib import Path

import pytest

from tools.fuzz.broken_programs import cut, flipped, survey

pytestmark = pytest.mark.slow


def test_a_program_cut_off_anywhere_is_refused(program: Path) -> None:
    whole = program.read_bytes()
    counts, lines = survey(program, cut(whole, len(whole) // 30))
    assert counts["as whole"] == counts["otherwise"] == counts["raised"] == 0, lines
    assert counts.total() == 31


def test_a_program_with_a_flipped_byte_takes_nobody_down(program: Path) -> None:
    counts, lines = survey(program, flipped(program.read_bytes(), 40, 0))
    assert counts["raised"] == 0, lines
    assert counts.total() == 40
