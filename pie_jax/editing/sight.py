"""What an editor sees in a face: MoFA's theta, turned by the landmarks.

A code that was found by looking through MoFA shows MoFA more of a turn than others see;
turned until the landmarks fit, it shows others nearly all (`editing.turns`).
"""

import dataclasses
from collections.abc import Callable

from jax import Array

from pie_jax.core.interfaces import Estimate, FindLandmarks
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.face import expression, pose
from pie_jax.networks.landmark_net import both_ways

Sight = Callable[[Params, Array], FaceParams]
"""`(params, image [B, R, R, 3] in [-1, 1]) -> theta [B]`."""
Compare = Callable[[Params, FaceParams, Array, FaceParams, Array], FaceParams]
"""`(params, own [B], its image, theta [B], its image) -> theta [B]`: theta with the
expression that it has by comparison with the own one."""


def sight(estimate: Estimate, landmarks: FindLandmarks) -> Sight:
    """Sees faces as MoFA and the landmark network together do.

    All but the rotation is as MoFA sees it. That holds for the place too, which
    landmarks tell no better than they tell the pitch. The rotation is that in which
    MoFA's shape fits the landmarks (`face.pose`). Needs `mofa`, `landmark_net` and
    `face_model`.
    """

    def see(params: Params, image: Array) -> FaceParams:
        theta = estimate(params.mofa, image)
        points = both_ways(landmarks, params.landmark_net, image)
        posed = pose.solve(params.face_model, theta, points)
        return dataclasses.replace(theta, rotation=posed.rotation)

    return see


def compare(landmarks: FindLandmarks) -> Compare:
    """Sees what an edit did to an expression: what MoFA sees, and what the landmarks say
    besides (`face.expression`). Needs `landmark_net` and `face_model`."""

    def see(
        params: Params, own: FaceParams, before: Array, theta: FaceParams, after: Array
    ) -> FaceParams:
        was, now = (
            both_ways(landmarks, params.landmark_net, image)
            for image in (before, after)
        )
        return expression.solve(params.face_model, own, was, theta, now)

    return see
