"""What a network's estimate misses, put right by what the picture itself tells.

A network sees a face as a whole. Where its landmarks lie and which colours it has, a
picture tells as well, of which the pose, the reflectance and the light follow in closed
form where the shape is known. Each is a second opinion that errs in other ways.
"""

from collections.abc import Callable

import jax
from jax import Array

from pie_jax.core.interfaces import Estimate, FindLandmarks
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.face import appearance, pose
from pie_jax.networks.landmark_net import both_ways

SHARE = 1 / 3
"""How far the pose goes from the network's towards the landmarks'. A third party agrees
with this mean more than with either; the even one misses the poses of rendered faces by
more (docs/measurements.md)."""


def corrected(
    estimate: Estimate, landmarks: FindLandmarks
) -> Callable[[Params, Array], FaceParams]:
    """An estimate whose pose, reflectance and light are corrected.

    Returns:
        `(params, image [B, R, R, 3] in [-1, 1]) -> theta [B]`, which needs `mofa`,
        `landmark_net` and `face_model`. Identity and expression are as the network sees
        them.
    """

    def whole(params: Params, image: Array) -> FaceParams:
        model, theta = params.face_model, estimate(params.mofa, image)
        points = both_ways(landmarks, params.landmark_net, image)
        posed = pose.solve(model, theta, points)
        between = jax.tree.map(lambda a, b: a + SHARE * (b - a), theta, posed)
        return appearance.solve(model, between, image)

    return whole
