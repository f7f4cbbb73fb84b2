"""What a command imports: torch takes a second, ExecuTorch's compiler three more, scipy and mir_eval half of one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.records.results import stored, written

HEAVY = (
    "numpy pydantic soundfile scipy matplotlib mir_eval jinja2 torch pesto torchao executorch.runtime executorch.exir"
)
PRINT = f"\nimport sys\nprint(*(name for name in {HEAVY.split()} if name in sys.modules))"
RUN = """
from workbench.cli import main
try: main({!r}.split())
except SystemExit as exit: assert not exit.code
"""

READS_RECIPES = "pydantic"
READS_RESULTS = "numpy pydantic soundfile"
RUNS_PTE = {"numpy", "pydantic", "torch", "executorch.runtime", "scipy", "soundfile"}


def imported(code: str) -> set[str]:
    """Returns which of HEAVY a new process has imported after this code."""
    output = subprocess.run([sys.executable, "-c", code + PRINT], capture_output=True, text=True, check=True).stdout
    return set(output.splitlines()[-1].split())


IMPORTED = {
    "import workbench": "",
    "import workbench.recipe": READS_RECIPES,
    "import workbench.workflows.track": READS_RESULTS,
    "import workbench.bundle.verify": "numpy",
    "import workbench.bundle.write": f"{READS_RESULTS} jinja2 scipy",
    "--version": READS_RESULTS,
    "doctor": READS_RESULTS,
    "check least.yaml": READS_RESULTS,
    "pick run": READS_RESULTS,
    "runs run": READS_RESULTS,
    "compare run run": READS_RESULTS,
    "report run": f"{READS_RESULTS} jinja2 matplotlib",
}


@pytest.mark.parametrize("words", IMPORTED)
@pytest.mark.usefixtures("project")
def test_command_and_package_import_what_they_use(words: str) -> None:
    written(stored(verdict="pass"), Path("run"))
    code = words if words.startswith("import ") else RUN.format(words)
    assert imported(code) <= set(IMPORTED[words].split())


RUN_MISSING = """
from pathlib import Path
try: {}
except Exception: pass
"""


@pytest.mark.parametrize(
    "code",
    [
        "from workbench.runtime.open_program import run_program as run; run(Path('a.pte'), [], threads=1)",
        "from workbench.measure import timing; timing.cold_start(lambda: timing.open_program(Path('a.pte')), 1)",
        "from workbench.bundle.verify import _check_golden as run; run(Path(), {'stream': {}})",
        "from workbench.bundle.golden import _run_clips as run; run(Path('a.pte'), [], [])",
    ],
    ids=["track", "run", "verify", "bundle"],
)
def test_child_that_runs_a_pte_imports_no_compiler(code: str) -> None:
    found = imported(RUN_MISSING.format(code))
    assert "executorch.runtime" in found and found <= RUNS_PTE


@pytest.mark.slow
def test_compiler_is_imported_after_the_runtime() -> None:
    code = "import workbench.runtime.executorch as first\nfrom executorch.exir import to_edge_transform_and_lower"
    assert {"executorch.runtime", "executorch.exir"} <= imported(code)
