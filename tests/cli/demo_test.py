import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pie_jax.cli import batch, config, contact_sheet, demo
from pie_jax.io import images
from tests import builders


def test_the_sample_is_a_photograph_that_a_dependency_ships():
    photo_u8 = images.read(demo.sample())
    assert min(photo_u8.shape[:2]) > 400
    assert photo_u8.std() > 20


@pytest.mark.parametrize("bad", [False, True])
def test_the_demo_embeds_and_edits_the_sample_and_says_where_the_pictures_are(
    tmp_path, monkeypatch, capsys, bad
):
    seen = {}

    def embed_photos(photos, out, values):
        seen.update(photos=photos, out=out, steps=len(values.stages))
        folders = [] if bad else [out / photos[0].stem]
        for folder in folders:
            folder.mkdir()
        return batch.Outcome(folders=folders, failed=photos if bad else [])

    def make(source, values, manner, size):
        assert source in [tmp_path / "astronaut"] and values.generator
        return Image.new("RGB", (7 * size, 3 * size))

    monkeypatch.setattr(batch, "embed_photos", embed_photos)
    monkeypatch.setattr(contact_sheet, "make", make)
    assert builders.pie("demo", "--out", tmp_path) == int(bad)
    assert seen == {"photos": [demo.sample()], "out": tmp_path, "steps": 2}
    shown = capsys.readouterr().out
    for name in (
        "aligned.png", "projection.png", "convergence.png", "metrics.json", "sheet.png"
    ):  # fmt: skip
        assert (str(tmp_path / "astronaut" / name) in shown) is not bad
    assert (tmp_path / "astronaut" / "sheet.png").exists() is not bad


@pytest.mark.real
def test_the_sample_is_embedded_by_the_default_stack(tmp_path, capsys):
    steps = (
        "--config.stages[0].num_steps=15",
        "--config.stages[1].num_steps=15",
        "--config.report_every=15",
    )
    out = tmp_path / "out"
    assert builders.pie("embed", demo.sample(), "--out", out, *steps) == 0
    folder = out / "astronaut"
    for name in ("aligned", "projection"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size == (1024, 1024)
    metrics = json.loads((folder / "metrics.json").read_text())
    weights = config.load("default").energy
    assert set(metrics["terms"]) == {name for name, value in weights.items() if value}
    assert all(np.isfinite(value) for value in metrics["terms"].values())
    # Measured after these 30 steps: 20.6 dB and 0.375 (one person: below 0.6).
    assert metrics["recognition_distance"] < 0.5
    assert metrics["psnr"] > 19
    assert f"recognition distance {metrics['recognition_distance']:.3f}" in (
        capsys.readouterr().out
    )

    assert builders.pie("synthesize", folder, "--out", tmp_path / "again.png") == 0
    np.testing.assert_array_equal(
        images.read(tmp_path / "again.png"), images.read(folder / "projection.png")
    )
    aligned = tmp_path / "aligned.png"
    assert builders.pie("align", demo.sample(), "--out", aligned) == 0
    np.testing.assert_array_equal(
        images.read(aligned), images.read(folder / "aligned.png")
    )


@pytest.mark.real
def test_a_photograph_without_a_face_is_named_and_nothing_is_written(tmp_path, capsys):
    noise_u8 = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    photo = Path(tmp_path / "noise.png")
    images.write_png(photo, noise_u8)
    assert builders.pie("embed", photo, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    assert "noise.png: no face found" in shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == [photo]
