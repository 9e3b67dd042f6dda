import numpy as np

from experiments import train_silhouette


def test_it_learns_more_than_its_teacher_knew():
    rng = np.random.default_rng(0)
    features = np.float32(3 + 2 * rng.normal(size=(4000, 6)))
    truth = features @ np.float32([1, -1, 0.5, 0, 0, 0]) > 1.5
    wrong = rng.random(len(truth)) < 0.2
    shares = np.where(wrong, ~truth, truth).astype(np.float32)
    params = train_silhouette.learn(features, shares, num_steps=400)
    assert params["kernel"].shape == (6,) and params["bias"].shape == ()
    found = train_silhouette.evidence(params, features) > 0
    assert np.mean(found == truth) > 0.95
