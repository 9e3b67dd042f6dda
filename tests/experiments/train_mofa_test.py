"""Training MoFA: it learns, and may be killed at any moment."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import stack

from experiments import train_mofa
from experiments.export import export, rounded
from experiments.mofa_figures import Pictures
from experiments.train_mofa import Data, Described, appearance, mofa_task
from experiments.trainer import HISTORY, train
from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks.dlib_resnet import CHIP_SIZE, DlibResNet
from pie_jax.networks.mofa import DESCRIPTOR_SIZE, RECOGNITION, MoFA
from tests import builders
from tests.experiments.samples_test import shard

pytest.importorskip("cv2")

SMALL = MoFA(width=1 / 16, size=32, recognition_width=1 / 16)
STEPS = 4
FIGURES = ("landmark", "colour", "mirror", "yaw_agreement", "rendered")


@pytest.fixture(scope="module")
def task():
    """Of few pictures; compiled once for all runs."""
    model = builders.toy_morphable(1)
    chosen = shard(0, count=12, size=32)
    sets = {
        "held_out": Pictures(chosen.image_u8[:3], chosen.landmarks[:3]),
        "real": Pictures(chosen.image_u8[:0], chosen.landmarks[:0]),
    }
    data = Data(described(chosen), None, sets)
    return mofa_task(SMALL, params()[RECOGNITION], model, data, STEPS, 2)


def params(module=SMALL):
    """Random ones, with the recognition network's."""
    blank = jnp.zeros((1, module.size, module.size, 3))
    return builders.random_params(lambda key: module.init(key, blank)["params"])


def described(chosen):
    """Every descriptor is the sample's seed."""
    found = np.float32(chosen.seed)[:, None].repeat(DESCRIPTOR_SIZE, axis=1)
    return Described(chosen, found)


@pytest.fixture(scope="module")
def undisturbed(task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return train(task, folder, STEPS, 2), folder


def test_reports_have_every_figure_and_a_preview(undisturbed):
    _, folder = undisturbed
    history = json.loads((folder / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    for row in history:
        assert {f"held_out_{name}" for name in FIGURES} < row.keys()
        assert not any(name.startswith("real") for name in row)
        assert np.all(np.isfinite(list(row.values())))
    assert (folder / "preview-000004.png").stat().st_size > 1000


def test_killed_and_started_again_it_ends_with_the_same_parameters(
    task, undisturbed, tmp_path
):
    (expected, _), _ = undisturbed

    def killed(first_step):
        for step, batch in enumerate(task.batches(first_step), first_step):
            if step == 3:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        train(task._replace(batches=killed), tmp_path, STEPS, 2)
    found, _ = train(task, tmp_path, STEPS, 2)
    chex.assert_trees_all_equal(found, expected)


def test_colours_count_more_and_more(task):
    counts = [appearance(x) for x in np.linspace(0, 1, 101)]
    assert counts[0] == 0 and counts[-1] == 1
    assert np.all(np.diff(counts) >= 0)
    for first in (0, 3):
        batch = next(task.batches(first))
        assert batch.appearance == np.float32(appearance(first / STEPS))


def test_what_is_exported_can_be_gone_on_from(task, tmp_path, monkeypatch):
    def load(name):
        blank = jnp.zeros((1, CHIP_SIZE, CHIP_SIZE, 3))
        assert name == "dlib_resnet"
        return builders.random_params(
            lambda key: DlibResNet().init(key, blank)["params"]
        )

    monkeypatch.setattr(weights, "load", load)
    monkeypatch.setattr(stack, "ensure", lambda *names: None)
    file, trained = tmp_path / "mofa.safetensors", params(MoFA(SMALL.width))
    del trained[RECOGNITION]
    export(file, trained, {})
    begun = train_mofa._begun(task._replace(params=trained), file)
    chex.assert_trees_all_equal(begun.params, rounded(trained))
    assert begun.identity.keys() - task.identity.keys() == {"start"}
    with pytest.raises(PieError, match="misshapen: .*(?s:.*)--width"):
        train_mofa._begun(task, file)


def test_views_are_drawn_below_their_pictures():
    image_u8 = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)

    def look(theta, image):
        names = ["albedo", "geometry", "overlay", "shading"]
        return {k: jnp.full_like(image, (i + 1) / 5) for i, k in enumerate(names)}

    rows = train_mofa.drawn(jax.jit(look), None, image_u8)
    assert [row.shape for row in rows] == [(2, 16, 16, 3)] * 5
    np.testing.assert_array_equal(rows[0][:, ::2, ::2], image_u8)
    assert [row[0, 0, 0, 0] for row in rows[1:]] == [153, 102, 51, 204]


def test_edits_come_with_what_they_are_edits_of():
    chosen, edits = shard(5, count=40, size=8), shard(0, count=12, size=8)
    data = Data(described(chosen), described(edits), {})
    batch = next(train_mofa._following(data, 10, 8, first_step=3))
    assert batch.image_u8.shape == (8, 8, 8, 3)
    number = np.asarray(batch.descriptor[:, 0], int)
    # The edit of seed s is of the sample s, whose own seed is five more here.
    np.testing.assert_array_equal(number[6:], 5 + number[4:6])
    for i, source in enumerate([chosen] * 4 + [edits] * 2 + [chosen] * 2):
        index = number[i] - source.seed[0]
        shown = np.asarray(batch.image_u8[i])
        original = source.image_u8[index]
        assert (shown == original).all() or (shown == original[:, ::-1]).all()
