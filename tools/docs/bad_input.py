"""The page docs/bad-input.md: every case of tests/cli/bad_input_cases.py with its message."""

from tests.cli.bad_input_cases import TABLES, Case


def page() -> str:
    count = sum(map(len, TABLES.values()))
    parts = [
        f"# Bad input\n\n{count} bad or unusual inputs, with the message for each. The table is generated from "
        "tests/cli/bad_input_cases.py, and\ntests/cli/test_bad_input.py runs every row. Exit code 2 is an error, with "
        "one line on stderr; 1 is a failed\nverification; 0 means that the input is accepted. Programs are loaded in a "
        "child process, no code of a checkpoint or a\nbundle is run, and no row leaves a file.\n"
    ]
    for title, cases in TABLES.items():
        parts.append(f"\n## {title}\n\n| input | command | exit code | message |\n| :-- | :-- | --: | :-- |\n")
        parts += map(_row, cases)
    return "".join(parts)


def _row(case: Case) -> str:
    message = " ".join(case.message.replace("{here}/", "").split())
    escaped = message.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return f"| {case.what} | `{case.command}` | {case.code} | {escaped} |\n"
