"""Reports private words: the field has other ones. `python -m tools.lint.words [PATH...]` exits with 1 if it finds any.

Without a path it reads every text file that git tracks. A key of a record or of a recipe keeps its name.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

INSTEAD = {
    r"told|tells|telling": "reported, progress, metadata, shows, states",
    r"hears?|heard|hearers?|hearing": "input, receives",
    r"anew": "again, from scratch, rebuilt",
    r"wants?|wanted": "requires, expected",
    r"in doubt": "inconclusive",
    r"alone": "only, by itself; isolated; lock",
    r"sums": "reductions, arithmetic, implementations",
    r"at work": "running",
    r"(?:held|holds|hold|holding) against": "compared with",
    r"unlike with unlike|unlike is compared": "under different protocols",
    r"made before": "cached",
    r"rolls?|rolled|rolling": "frames, runs",
    r"whoever|whence|thereby|thereof|therein|whatsoever": "(rewrite the sentence)",
    r"nobody's|somebody's": "(rewrite the sentence)",
    r"is kept beside|of its own": "(say which)",
    r"keepers?|bystanders?": "buffer, state",
    r"answers?|answered": "output, returns, result",
}
PATTERNS = [
    (re.compile(rf"(?<![\w-])(?:{word})(?![\w-])", re.IGNORECASE), instead) for word, instead in INSTEAD.items()
]
SUFFIXES = {".py", ".md", ".yaml", ".toml", ".html", ".j2", ".js", ".cpp", ".h", ".txt", ".kt", ".swift", ""}
ALLOWED = re.compile(r"torch\.roll|np\.roll|\.roll\(|# words: ok")
# these pages and records quote what a stored record said when it was written
SKIPPED = (
    "tools/lint/words.py",
    "LICENSE",
    "docs/results/findings",
    "docs/results/reliability",
    "docs/records",
    "CHANGELOG.md",
)


def findings(path: Path) -> Iterator[str]:
    """Yields a line for each private word of a text file: place, word and what to write instead."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if ALLOWED.search(line):
            continue
        for pattern, instead in PATTERNS:
            for found in pattern.finditer(line):
                yield f"{path}:{number}: {found[0]!r}; write {instead}"


def tracked(paths: Sequence[str]) -> list[Path]:
    """Returns the text files that git tracks at or below the paths."""
    listed = subprocess.run(["git", "ls-files", "--", *paths], capture_output=True, text=True, check=True).stdout
    return [
        Path(name) for name in listed.splitlines() if Path(name).suffix in SUFFIXES and not name.startswith(SKIPPED)
    ]


def main() -> None:
    lines = [line for path in tracked(sys.argv[1:]) for line in findings(path)]
    print("\n".join(lines))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
