import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pie_jax.cli import demo
from pie_jax.io import images
from pie_jax.stack import configuration
from pie_jax.workflows import embed, sheet
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

    def embed_photos(photos, out, config):
        seen.update(photos=photos, out=out, steps=len(config.stages))
        folders = [] if bad else [out / photos[0].stem]
        for folder in folders:
            folder.mkdir()
        return embed.Outcome(folders=folders, failed=photos if bad else [])

    def make(source, config, options, size):
        assert source == tmp_path / "astronaut" and config.generator
        return Image.new("RGB", (7 * size, 3 * size))

    # In the place of six minutes' work.
    monkeypatch.setattr(embed, "embed_photos", embed_photos)
    monkeypatch.setattr(sheet, "make", make)
    assert builders.pie("demo", "--out", tmp_path) == int(bad)
    assert seen == {"photos": [demo.sample()], "out": tmp_path, "steps": 3}
    shown = capsys.readouterr().out
    for name in (
        "aligned.png", "projection.png", "convergence.png", "metrics.json", "sheet.png"
    ):  # fmt: skip
        assert (str(tmp_path / "astronaut" / name) in shown) is not bad
    assert (tmp_path / "astronaut" / "sheet.png").exists() is not bad


@pytest.mark.real
def test_the_sample_is_embedded_by_the_default_stack(tmp_path):
    steps = (
        "--config.stages[0].num_steps=15",
        "--config.stages[1].num_steps=15",
        "--config.stages[2].num_steps=5",
        "--config.report_every=15",
    )
    out: Path = tmp_path / "out"
    assert builders.pie("embed", demo.sample(), "--out", out, *steps) == 0
    folder = out / "astronaut"
    for name in ("aligned", "projection"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size == (1024, 1024)
    metrics = json.loads((folder / "metrics.json").read_text())
    weights = configuration.load("default").energy
    assert set(metrics["terms"]) == {name for name, value in weights.items() if value}
    assert all(np.isfinite(value) for value in metrics["terms"].values())
    # Measured before it tuned the generator: 20.6 dB and 0.375 (one person: below 0.6).
    assert metrics["recognition_distance"] < 0.5
    assert metrics["psnr"] > 19
