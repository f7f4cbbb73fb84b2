"""The page docs/reference/bad-input.md: every case of tests/cli/bad_input_cases.py with its message."""

from tests.cli.bad_input_cases import TABLES, Case
from tools.docs.formatting import escaped

_HEAD = """# Bad input

This page has {count} bad or unusual inputs, with the message for each. It is generated from
`tests/cli/bad_input_cases.py`, and `tests/cli/test_bad_input.py` runs every row.

- Exit code 2 is an error, with one line on stderr. 1 is a failed verification. 0 means that the input is accepted.
- Programs are loaded in a child process. No code of a checkpoint or a bundle is run.
- No row leaves a file.
"""


def page() -> str:
    count = sum(map(len, TABLES.values()))
    parts = [_HEAD.format(count=count)]
    for title, cases in TABLES.items():
        parts.append(f"\n## {title}\n\n| input | command | exit code | message |\n| :-- | :-- | --: | :-- |\n")
        parts += map(_row, cases)
    return "".join(parts)


def _row(case: Case) -> str:
    message = escaped(case.message.replace("{here}/", "")).replace("*", "\\*")
    return f"| {case.what} | `{case.command}` | {case.code} | {message} |\n"
