import json

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import train_mofa
from experiments.export import export, rounded
from experiments.picture_sets import Pictures
from experiments.train_mofa import Data, Described, appearance, mofa_task
from experiments.trainer import HISTORY, train
from pie_jax.core.errors import PieError
from pie_jax.networks.mofa import DESCRIPTOR_SIZE, RECOGNITION, MoFA
from tests import builders
from tests.experiments.samples_test import shard

pytest.importorskip("cv2")

SMALL = MoFA(width=1 / 16, size=32, recognition_width=1 / 16)
STEPS = 4
FIGURES = ("landmark", "colour", "mirror", "yaw_agreement", "rendered")


def params(module=SMALL):
    """Random ones, with the recognition network's."""
    return builders.module_params(module, (1, module.size, module.size, 3))


def described(chosen):
    """Every descriptor is the sample's seed."""
    found = np.float32(chosen.seed)[:, None].repeat(DESCRIPTOR_SIZE, axis=1)
    return Described(chosen, found)


@pytest.fixture(scope="module")
def task():
    chosen = shard(0, count=12, size=32)
    sets = {"held_out": Pictures(chosen.image_u8[:3], chosen.landmarks[:3])}
    data = Data(described(chosen), None, sets)
    model = builders.toy_morphable(1)
    return mofa_task(SMALL, params()[RECOGNITION], model, data, STEPS, 2)


def test_reports_have_every_figure_and_batches_depend_on_their_step_alone(
    task, tmp_path
):
    train(task, tmp_path, STEPS, 2)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    for row in history:
        assert {f"held_out_{name}" for name in FIGURES} < row.keys()
        assert np.all(np.isfinite(list(row.values())))
    assert (tmp_path / "preview-000004.png").stat().st_size > 1000

    counts = [appearance(x) for x in np.linspace(0, 1, 101)]
    assert counts[0] == 0 and counts[-1] == 1
    assert np.all(np.diff(counts) >= 0)
    stream = [batch for batch, _ in zip(task.batches(0), range(4), strict=False)]
    chex.assert_trees_all_equal(next(task.batches(3)), stream[3])
    for step, batch in enumerate(stream):
        assert batch.appearance == np.float32(appearance(step / STEPS))


@pytest.mark.real  # the file is read with the recognition network that belongs to it
def test_what_is_exported_can_be_gone_on_from(task, tmp_path):
    file, trained = tmp_path / "mofa.safetensors", params(MoFA(SMALL.width))
    del trained[RECOGNITION]
    export(file, trained, {"kind": "mofa"})
    begun = train_mofa._begun(task._replace(params=trained), file)
    chex.assert_trees_all_equal(begun.params, rounded(trained))
    assert begun.identity.keys() - task.identity.keys() == {"start"}
    with pytest.raises(PieError, match="misshapen: .*(?s:.*)--width"):
        train_mofa._begun(task, file)


def test_views_are_drawn_below_pictures_and_edits_come_with_what_they_are_of(
    monkeypatch,
):
    image_u8 = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)

    def look(model, theta, image):
        names = ["albedo", "geometry", "overlay", "shading"]
        return {k: jnp.full_like(image, (i + 1) / 5) for i, k in enumerate(names)}

    monkeypatch.setattr(train_mofa, "_look", look)
    rows = train_mofa.drawn(None, None, image_u8)
    assert [row.shape for row in rows] == [(2, 16, 16, 3)] * 5
    np.testing.assert_array_equal(rows[0][:, ::2, ::2], image_u8)
    assert [row[0, 0, 0, 0] for row in rows[1:]] == [153, 102, 51, 204]

    chosen, edits = shard(5, count=40, size=8), shard(0, count=12, size=8)
    data = Data(described(chosen), described(edits), {})
    batch = next(train_mofa._following(data, 10, 8, first_step=3))
    assert batch.image_u8.shape == (8, 8, 8, 3)
    number = np.asarray(batch.descriptor[:, 0], int)
    # The edit of seed s is of the sample s, whose own seed is five more here.
    np.testing.assert_array_equal(number[6:], 5 + number[4:6])
    for i, source in enumerate([chosen] * 4 + [edits] * 2 + [chosen] * 2):
        shown = np.asarray(batch.image_u8[i])
        original = source.image_u8[number[i] - source.seed[0]]
        assert (shown == original).all() or (shown == original[:, ::-1]).all()
