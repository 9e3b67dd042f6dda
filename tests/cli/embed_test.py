import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pie_jax.io import codes, images
from tests import builders

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("no_weights")


def test_a_portrait_gets_all_its_files_and_metrics_of_the_saved_pictures(
    embedded, cache_folder
):
    folder = embedded.folder
    names = {"projection.png", "code", "metrics.json", "convergence.png", "aligned.png"}
    assert {path.name for path in folder.iterdir()} == names
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    # Nothing but programs was put into the cache: no weights are needed.
    assert {x.name for x in cache_folder.iterdir()} <= {"xla", "programs", ".lock"}
    with Image.open(embedded.photo) as photo:  # is in the FFHQ frame already
        expected = photo.resize((1024, 1024), Image.Resampling.LANCZOS)
    aligned = images.read(folder / "aligned.png")
    np.testing.assert_array_equal(aligned, expected)
    assert min(images.read(folder / "convergence.png").shape[:2]) > 400
    code, origin = codes.load(folder)
    assert set(code) == {"w_plus"}
    assert code["w_plus"].shape[1:] == (512,)
    assert origin["generator"] == "testing"
    assert origin["photo"] == embedded.photo.name
    assert origin["config"]["stages"][0]["num_steps"] == 6
    assert set(origin["alignment"]) >= {"quad"}
    metrics = json.loads((embedded.folder / "metrics.json").read_text())
    assert metrics["iterations"] == 10
    assert metrics["recognition_distance"] is None
    assert metrics["seconds"] > 0
    assert set(metrics["terms"]) == {"pixel"}
    assert metrics["terms"]["pixel"] > 0
    assert -1 < metrics["ssim"] < 1
    projection = images.read(embedded.folder / "projection.png").astype(float)
    size = len(projection)
    assert size == 16
    factor = 1024 // size
    small = (
        aligned.astype(float).reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
    )
    expected = 10 * np.log10(255**2 / np.mean((small - projection) ** 2))
    assert metrics["psnr"] == pytest.approx(expected, abs=1e-4)  # float32 sums


def test_the_energy_falls_and_the_experiment_is_the_same_run(
    embedded, tmp_path, capsys
):
    steps = ("--config.stages[0].num_steps=1", "--config.stages[1].num_steps=1")
    builders.pie("embed", embedded.photo, "--out", tmp_path, *builders.TRIAL, *steps)
    begun = json.loads((tmp_path / "anna" / "metrics.json").read_text())
    ended = json.loads((embedded.folder / "metrics.json").read_text())
    assert begun["iterations"] == 2
    assert ended["terms"]["pixel"] < begun["terms"]["pixel"]
    assert ended["psnr"] > begun["psnr"]

    arguments = [
        "--config=configs/testing.py",
        f"--workdir={tmp_path / 'out'}",
        "--aligned",
        "--config.stages[0].num_steps=2",
        "--config.stages[1].num_steps=2",
    ]
    run = run_experiment(*arguments, embedded.photo)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / "out" / "anna" / "metrics.json").read_text())
    assert metrics["iterations"] == 4
    command = ("embed", embedded.photo, "--out", tmp_path / "out")
    assert builders.pie(*command, *builders.TRIAL, *arguments[3:]) == 0
    assert "anna: done already" in capsys.readouterr().out


@pytest.mark.parametrize(
    "how", [(), ("--config.report_every=3", "--config.checkpoint_every=9")]
)
def test_a_second_run_does_nothing_however_often_it_reports(embedded, capsys, how):
    def times():
        return {x: x.stat().st_mtime_ns for x in embedded.folder.rglob("*")}

    before = times()
    words = ("embed", embedded.photo, "--out", embedded.folder.parent)
    assert builders.pie(*words, *builders.TRIAL, *how) == 0
    shown = capsys.readouterr()
    assert "anna: done already" in shown.out
    assert "it/s" not in shown.err
    assert times() == before


def run_experiment(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments.embed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "photos, message",
    [
        ((), "name at least one photograph"),
        (("a.png", "b/a.png"), "embed: a.png and b/a"),
    ],
)
def test_the_experiment_explains_its_errors(tmp_path, photos, message):
    where = f"--workdir={tmp_path / 'out'}"
    run = run_experiment(where, "--config=configs/testing.py", *photos)
    assert run.returncode == 1
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()
