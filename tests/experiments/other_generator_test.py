"""From samples to edits with a generator of one's own, by the command lines alone."""

import argparse
import sys

import numpy as np
import pytest

from experiments import generate_samples, generators, train_rignet
from pie_jax.cli import huge_pages
from pie_jax.io import converted, images
from pie_jax.networks import stylegan2
from tests import builders
from tests.cli.runtime_test import small_generator

WIDTHS = (6, 5, 4)
SAMPLES = 550


@pytest.fixture
def named(tmp_path):
    """The options that name a StyleGAN 2 of 16 pixels."""
    file = tmp_path / "stylegan2.safetensors"
    small_generator(file, stylegan2, WIDTHS)
    return ["--config=stylegan2", f"--config.files.generator={file}"]


@pytest.fixture
def script(monkeypatch):
    """Runs a script of experiments with these words."""
    grid = np.stack(np.divmod(np.arange(68), 9), axis=-1) / 10 + 0.1
    monkeypatch.setattr(generate_samples, "find_landmarks", lambda image_u8: grid)
    monkeypatch.setattr(huge_pages, "restart", lambda: None)

    def run(module, *words):
        monkeypatch.setattr(sys, "argv", ["script", *map(str, words)])
        module.main()

    return run


@pytest.mark.real
def test_a_rig_is_found_and_used(named, script, tmp_path, capsys):
    samples, out = tmp_path / "samples", tmp_path / "rig"
    script(generate_samples, "--num", SAMPLES, "--out", samples, *named)
    script(train_rignet, "rotation", "--samples", samples, "--out", out, *named)
    rig = out / "rig_rotation_stylegan2.safetensors"
    assert converted.metadata(rig)["kind"] == "rig_rotation_stylegan2"

    code = tmp_path / "projected_w.npz"
    np.savez(code, w=np.random.default_rng(0).normal(size=(1, 512)))
    words = ("edit", code, "--yaw", "+=5", "--background", "edited", *named)
    assert builders.pie(*words) == 1
    assert "there is no rotation rig for codes of stylegan2" in capsys.readouterr().err
    assert builders.pie(*words, f"--config.files.rig_rotation={rig}") == 0
    edited = images.read(tmp_path / "projected_w-edits" / "yaw+5" / "edited.png")
    assert edited.shape == (16, 16, 3)


def test_samples_of_another_file_are_another_generators(named, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script", *named])
    _, config = generators.parse(argparse.ArgumentParser())
    first = generators.identity(config)
    assert first.startswith("stylegan2 ")
    small_generator(tmp_path / "stylegan2.safetensors", stylegan2, (6, 5))
    assert generators.identity(config) != first
    monkeypatch.setattr(sys, "argv", ["script", "--nonsense"])
    with pytest.raises(SystemExit):
        generators.parse(argparse.ArgumentParser())
