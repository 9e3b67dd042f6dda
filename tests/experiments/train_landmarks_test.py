import json

import numpy as np
import pytest
from PIL import Image

from experiments import train_landmarks
from experiments.export import rounded
from experiments.picture_sets import Pictures
from experiments.trainer import HISTORY, train
from pie_jax.networks.landmark_net import SIZE, LandmarkNet
from tests.experiments.samples_test import shard


def test_a_short_training_reports_and_draws_the_distance_of_known_shifts(tmp_path):
    few = shard(0, count=4, size=SIZE)
    sets = {"held_out": Pictures(few.image_u8, few.landmarks)}
    task = train_landmarks.landmark_task(LandmarkNet(1 / 32), few, sets, 4, 2)
    params, reported = train(task, tmp_path, 4, 2)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    assert history[1].keys() == {"step", "distance", "gradient", "held_out"}
    assert history[1]["held_out"] == reported["held_out"]
    assert reported == task.evaluate(rounded(params))
    with Image.open(tmp_path / "preview-000004.png") as picture:
        assert picture.size == (8 * 2 * SIZE, 2 * SIZE)

    truth = np.float32(np.random.default_rng(0).uniform(size=(120, 68, 2)))
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=-1)
    shifted = truth + 0.25 * eyes[:, None, None] * np.float32([0, 1])
    found = train_landmarks.distance(
        lambda params, index: shifted[index], None, np.arange(120), truth
    )
    assert found == pytest.approx(0.25, rel=1e-4)
