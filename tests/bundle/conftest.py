from pathlib import Path

import pytest

from tests.helpers.bundles import bundle_of_text, laid_out


@pytest.fixture(scope="session")
def content() -> dict[str, bytes]:
    """Every file of a bundle whose program is a text."""
    return bundle_of_text()


@pytest.fixture
def folder(content: dict[str, bytes], tmp_path: Path) -> Path:
    """The same as a folder."""
    return laid_out(content, tmp_path / "bundle")
