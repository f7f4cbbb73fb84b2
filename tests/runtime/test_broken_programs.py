"""A damaged program never ends the workbench: it is refused, crashes its child process, or runs."""

from pathlib import Path

import pytest

from tools.fuzz.broken_programs import cut, flipped, survey

pytestmark = pytest.mark.slow


def test_program_cut_off_anywhere_is_refused(program: Path) -> None:
    whole = program.read_bytes()
    counts, lines = survey(program, cut(whole, len(whole) // 30))
    assert counts["as whole"] == counts["otherwise"] == counts["raised"] == 0, lines
    assert counts.total() == 31


def test_program_with_a_flipped_byte_ends_at_most_its_child(program: Path) -> None:
    counts, lines = survey(program, flipped(program.read_bytes(), 40, 0))
    assert counts["raised"] == 0, lines
    assert counts.total() == 40
