import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import builders

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.real  # the isolated build fetches setuptools


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The built wheel's contents, the only place where they lie."""
    place = tmp_path_factory.mktemp("packaging")
    # A copy, for the build leaves files in its source, and may take up older ones.
    unwanted = shutil.ignore_patterns(
        ".*", "build", "dist", "*.egg-info", "__pycache__"
    )
    shutil.copytree(ROOT, place / "source", ignore=unwanted)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-w", place / "wheel"],
        cwd=place / "source",
        check=True,
    )
    shutil.rmtree(place / "source")
    (wheel,) = (place / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "unpacked")
    return place / "unpacked"


def run(unpacked: Path, cwd: Path, *words: object) -> subprocess.CompletedProcess:
    """Runs Python outside the checkout, with the wheel before all else on the path."""
    return subprocess.run(
        [sys.executable, *(str(word) for word in words)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(unpacked), "PIE_JAX_CACHE": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_module_and_the_licence(unpacked):
    for folder, inside in [
        ("pie_jax", "pie_jax"),
        ("configs", "pie_jax/configs"),
        ("converters", "pie_jax/converters"),
    ]:
        expected = {x.relative_to(ROOT / folder) for x in (ROOT / folder).rglob("*.py")}
        installed = {
            x.relative_to(unpacked / inside) for x in (unpacked / inside).rglob("*.py")
        }
        assert expected
        assert expected <= installed
    (licence,) = unpacked.glob("*.dist-info/**/LICENSE")
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
    names = {path.name for path in unpacked.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"pie_jax"}
    (entry_points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "pie = pie_jax.cli.main:main" in entry_points.read_text()


# Says at the end which files were imported, for the tests' own environment may have
# the checkout installed as well.
EMBED = """
import sys
from pie_jax.cli import main
from pie_jax.converters import stylegan2
status = main.main(sys.argv[1:])
for name, module in sorted(sys.modules.items()):
    if name.split(".")[0] == "pie_jax":
        print("imported", module.__file__)
sys.exit(status)
"""


def test_an_installed_wheel_embeds_outside_the_checkout(unpacked, tmp_path):
    builders.square_photo(tmp_path / "anna.png")
    words = ("embed", "anna.png", "--out", "out", *builders.TRIAL)
    shown = run(unpacked, tmp_path, "-c", EMBED, *words)
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "out" / "anna" / "metrics.json").exists()
    imported = [x for x in shown.stdout.splitlines() if x.startswith("imported")]
    assert any("configs" in line for line in imported)
    assert any("converters" in line for line in imported)
    assert all(line.startswith(f"imported {unpacked}") for line in imported)


def test_the_wheel_brings_our_own_weights_within_their_bound(unpacked):
    assets = sorted((ROOT / "pie_jax" / "assets").glob("*.safetensors"))
    installed = sorted((unpacked / "pie_jax" / "assets").iterdir())
    assert {"morphable", "mofa", "landmark_net"} <= {x.stem for x in assets}
    assert [x.name for x in installed] == [x.name for x in assets]
    assert [x.read_bytes() for x in installed] == [x.read_bytes() for x in assets]
    assert sum(x.stat().st_size for x in installed) < 60e6
