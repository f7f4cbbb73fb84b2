"""Options of every command that cannot be used: one line on stderr, exit code 2, and nothing is written."""

from pathlib import Path

import pytest

from tests.cli.bad_input_cases import RECIPE
from tests.helpers.project import last_error, workbench

pytestmark = pytest.mark.usefixtures("folder")
SAMPLES = "expected whole numbers of samples"

INVALID = [  # command, option, value, message
    ("sweep least.yaml", "--chunk", "", f"{SAMPLES}, such as 240,480,960, got an empty list"),
    ("sweep least.yaml", "--chunk", "240,", f"{SAMPLES}, such as 240,480,960, got ''"),
    ("sweep least.yaml", "--chunk", "240,2.5", f"{SAMPLES}, such as 240,480,960, got '2.5'"),
    ("sweep least.yaml", "--chunk", "0", f"{SAMPLES} from 1 to 1920000, got 0"),
    ("sweep least.yaml", "--chunk", "240,480,240", "expected every number once, got 240 twice"),
    ("sweep least.yaml", "--mirror", "0,half", "expected numbers, such as 0,0.5,1, got 'half'"),
    ("sweep least.yaml", "--mirror", "0,2", "expected numbers from 0.0 to 1.0, got 2"),
    ("sweep least.yaml", "--mirror", "nan", "expected numbers from 0.0 to 1.0, got nan"),
    ("sweep least.yaml", "--mirror", "1,1.0", "expected every number once, got 1.0 twice"),
    ("sweep least.yaml", "--rate", "48k", "expected whole numbers of hertz, such as 16000,48000, got '48k'"),
    ("sweep least.yaml", "--rate", "4000", "expected whole numbers of hertz from 8000 to 192000, got 4000"),
    ("bench least.yaml", "--threads", "0", "expected whole numbers of threads from 1 to 64, got 0"),
    ("bench least.yaml", "--rounds", "2", "2 is not in the range 3<=x<=10000."),
    ("profile least.yaml", "--threads", "0", "0 is not in the range 1<=x<=64."),
    ("profile least.yaml", "--rounds", "2", "2 is not in the range 3<=x<=10000."),
    ("robustness least.yaml", "--snr", "loud", "expected ratios in dB, such as 20,10,0, got 'loud'"),
    ("robustness least.yaml", "--snr", "20,100", "expected ratios in dB from -40.0 to 80.0, got 100"),
    ("robustness least.yaml", "--gain", "-100,6", "expected gains in dB from -80.0 to 40.0, got -100"),
    ("run least.yaml", "--channel", "0", "expected mix, left, right or a number from 1 to 64, got '0'"),
    ("soak least.yaml", "--hours", "0", "0.0 is not in the range 0.001<=x<=100."),
    ("soak least.yaml", "--hours", "nan", "expected a number, got nan"),
    ("bundle run", "--seconds", "NaN", "expected a number, got NaN"),
    ("track a.wav --program p.pte", "--confidence-threshold", "nan", "expected a number, got nan"),
    ("track a.wav --program p.pte", "--threshold", "nan", "expected a number, got nan"),
    ("pick", "--objective", "best", "'best' is not one of 'smallest', 'fastest', 'most-accurate', 'balanced'."),
    ("compare a b", "--format", "xml", "'xml' is not one of 'text', 'json', 'github'."),
]


@pytest.mark.parametrize(("command", "option", "value", "message"), INVALID)
def test_invalid_value(command: str, option: str, value: str, message: str) -> None:
    result = workbench(*command.split(), option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert last_error(result) == f"Error: Invalid value for '{option}': {message}"


REFUSED = [  # command, the last line on stderr
    ("audio --out clips", "Error: --out, --variant and --set require a RECIPE."),
    ("audio --variant a", "Error: --out, --variant and --set require a RECIPE."),
    (
        "track a.wav --program p.pte --out take.txt",
        "Error: Invalid value: take.txt: unknown format; use a name that ends in .csv, .json, .png",
    ),
    ("report a --out page.pdf", "error: --out page.pdf: the page is HTML; use a name that ends in .html"),
]


@pytest.mark.parametrize(("command", "message"), REFUSED)
def test_options_that_do_not_fit_together(command: str, message: str) -> None:
    result = workbench(*command.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert last_error(result) == message


@pytest.mark.parametrize("command", ["sweep", "profile", "soak", "audio", "score --frames f.csv"])
def test_recipe_of_several_variants_needs_a_name(command: str) -> None:
    Path("two.yaml").write_text(RECIPE + "matrix: {mirror: [0, 1]}\n")
    name, *words = command.split()
    names = "two@mirror=0, two@mirror=1"
    assert last_error(workbench(name, "two.yaml", *words)) == (
        f"error: two.yaml: has 2 variants; name one with --variant: {names}"
    )
    assert not Path("outputs").exists()
