"""The wheel and the sdist: what is in them, and that the wheel works without a checkout."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = {
    "recipes": ("recipes", "**/*"),
    "calib_audio": ("calib_audio", "*.*"),
    "records": ("docs/records/measured", "*.json"),
    "students": ("students", "*.*"),
}
ALSO_IN_THE_WHEEL = (
    "workbench/py.typed",
    "workbench/report/html/templates/report.html",
    "workbench/live/page/index.html",
    "workbench/bundle/files/README.md.j2",
    "workbench/bundle/files/example/main.cpp",
    "workbench/bundle/files/example/CMakeLists.txt",
)
IN_THE_SDIST = ("Makefile", "README.md", "LICENSE", "recipes/int8-mixed.yaml", "tests/conftest.py", "docs/index.md")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


def test_wheel_has_what_an_installation_needs_and_no_more(distributions: Path) -> None:
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
        for name, (folder, pattern) in SHIPPED.items():
            files = {path.relative_to(ROOT / folder): path for path in (ROOT / folder).glob(pattern) if path.is_file()}
            shipped = {f"workbench/shipped/{name}/{path.as_posix()}": file for path, file in files.items()}
            assert shipped and {place: wheel.read(place) for place in shipped} == {
                place: file.read_bytes() for place, file in shipped.items()
            }
            names -= set(shipped)
    assert set(ALSO_IN_THE_WHEEL) <= names
    assert {name for name in names if not (ROOT / name).is_file()} == set()
    assert {name.split("/")[0] for name in names} == {"workbench"}


def test_sdist_has_the_project(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert set(IN_THE_SDIST) <= names
    assert not [name for name in names if name.startswith((".venv", "outputs/2", ".pytest_cache"))]


def test_wheel_works_without_a_checkout(distributions: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    own = {"PYTHONPATH": str(tmp_path / "installed"), "WORKBENCH_CACHE": str(tmp_path / "cache")}
    environment = {**os.environ, **own}

    def printed(*words: str) -> str:
        command = [sys.executable, "-m", "workbench", *words]
        done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert printed("check", "int8-mixed", "findings/vulkan").splitlines()[0] == "int8-mixed: ok"
    assert "int8-mixed" in printed("recipes")
    assert len(printed("audio").splitlines()) == len(list((tmp_path / "cache" / "clips").iterdir())) == 24
    assert list((tmp_path / "empty").iterdir()) == []
