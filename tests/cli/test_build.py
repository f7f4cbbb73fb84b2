"""`build`: programs without scores."""

import re
from pathlib import Path

import pytest

from tests.helpers.project import workbench

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.slow
def test_build_reuses_an_unchanged_program() -> None:
    first = workbench("build", "recipes/least.yaml", "--out", "programs")
    assert first.exit_code == 0
    size = Path("programs/least/program.pte").stat().st_size
    line = rf"programs/least/program.pte  {size:,} bytes, loads in \d+ ms"
    assert re.fullmatch(line + "\n", first.stdout)
    again = workbench("build", "recipes/least.yaml", "--out", "programs")
    assert re.fullmatch(line + ", unchanged: reused\n", again.stdout)
