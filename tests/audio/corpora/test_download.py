"""Downloads: continued after a cut, verified, and one line for each failure."""

import socket
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("requests")

from tests.helpers.corpora import FaultyServer, serving
from workbench.audio.corpora.download import download
from workbench.errors import CorpusError

BLOCK = 65_536
CONTENT = bytes(range(256)) * 4000
MD5 = md5(CONTENT).hexdigest()
WRONG = "0" * 32


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with serving({"/file": CONTENT}) as served:
        yield served


@pytest.mark.parametrize(
    ("cuts", "continues", "left", "ranges"),
    [
        ([], True, 0, ["0"]),
        ([3 * BLOCK, 2 * BLOCK], True, 0, ["0", str(3 * BLOCK), str(5 * BLOCK)]),
        ([3 * BLOCK], False, 0, ["0", str(3 * BLOCK)]),  # the server sends the whole file again
        ([], True, 500_000, ["500000"]),
        ([], True, len(CONTENT), [str(len(CONTENT))]),
    ],
    ids=["whole", "cut-twice", "cannot-continue", "left-by-an-earlier-call", "only-the-name-was-missing"],
)
def test_download_is_continued(
    cuts: list[int], continues: bool, left: int, ranges: list[str], server: FaultyServer, tmp_path: Path
) -> None:
    server.cuts, server.continues = cuts, continues
    path, totals = tmp_path / "folder" / "file", set()
    path.parent.mkdir()
    if left:
        path.with_suffix(".part").write_bytes(CONTENT[:left])
    download(f"{server.url}/file", path, MD5, lambda done, total: totals.add(total))
    assert path.read_bytes() == CONTENT and list(path.parent.iterdir()) == [path]
    assert server.ranges == ranges and totals <= {len(CONTENT)}
    download("http://127.0.0.1:1/nobody", path, MD5, print)  # it is there


@pytest.mark.parametrize(
    ("url", "cuts", "md5", "message", "part"),
    [
        ("/file", [3 * BLOCK, 0, 0, 0], MD5, "the connection was cut; .* continues after 0.2 MB", 3 * BLOCK),
        ("/file", [], WRONG, f"has the MD5 checksum {MD5}, expected {WRONG}; it was deleted, run the .*again", None),
        ("/absent", [], MD5, r"the server refuses it \(404 Not Found\); try again later, or update mirdata", None),
        ("http://127.0.0.1:1/f", [], MD5, r"cannot be reached \(connection refused\); check the network .*", None),
        ("http://no.invalid/f", [], MD5, r"cannot be reached \(its name is not known .*\); check the network .*", None),
    ],
    ids=["cut", "checksum", "gone", "refused", "no-network"],
)
def test_failure_is_one_line(
    url: str,
    cuts: list[int],
    md5: str,
    message: str,
    part: int | None,
    server: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resolve(host: str, *rest: Any, **options: Any) -> Any:
        if host == "no.invalid":  # as without a network, at once
            raise socket.gaierror(-2, "Name or service not known")
        return known(host, *rest, **options)

    known = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.cuts, path = cuts, tmp_path / "file"
    with pytest.raises(CorpusError, match=f"^[^\n]*{message}$"):
        download(url if "://" in url else f"{server.url}{url}", path, md5, lambda *_: None)
    partial = path.with_suffix(".part")
    assert (partial.stat().st_size if partial.exists() else None) == part and not path.exists()
