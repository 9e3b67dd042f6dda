import argparse
import sys

import numpy as np
import pytest

from experiments import generate_samples, generators, samples, train_rignet
from pie_jax.io import images
from pie_jax.networks import stylegan2
from pie_jax.stack import converted
from tests import builders
from tests.stack.load_test import small_generator


@pytest.fixture
def named(tmp_path):
    """The options that name a StyleGAN 2 of 16 pixels."""
    file = tmp_path / "stylegan2.safetensors"
    small_generator(file, stylegan2, (6, 5, 4))
    return ["--config=stylegan2", f"--config.files.generator={file}"]


@pytest.fixture
def say(monkeypatch):
    """Puts words on the command line."""

    def say(*words):
        monkeypatch.setattr(sys, "argv", ["script", *map(str, words)])

    return say


def with_faces(folder, generator):
    """Gives samples landmarks: in what a random generator makes dlib finds no face."""
    grid = np.stack(np.divmod(np.arange(68), 9), axis=-1) / 10 + 0.1
    for path in folder.iterdir():
        shard = samples.read(path, generator)
        points = np.broadcast_to(np.float32(grid), shard.landmarks.shape)
        found = shard._replace(landmarks=points, valid=np.ones_like(shard.valid))
        samples.write(folder, found, generator)


@pytest.mark.real
def test_a_rig_is_found_and_used(named, say, tmp_path, capsys):
    folder, out = tmp_path / "samples", tmp_path / "rig"
    say("--num", 550, "--out", folder, *named)
    generate_samples.main()
    say(*named)
    _, config = generators.parse(argparse.ArgumentParser())
    with_faces(folder, generators.identity(config))
    say("rotation", "--samples", folder, "--out", out, *named)
    train_rignet.main()
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


def test_samples_of_another_file_are_another_generators(named, say, tmp_path):
    say(*named)
    _, config = generators.parse(argparse.ArgumentParser())
    first = generators.identity(config)
    assert first.startswith("stylegan2 ")
    small_generator(tmp_path / "stylegan2.safetensors", stylegan2, (6, 5))
    assert generators.identity(config) != first
    say("--nonsense")
    with pytest.raises(SystemExit):
        generators.parse(argparse.ArgumentParser())
