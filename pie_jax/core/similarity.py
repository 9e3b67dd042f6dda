"""The similarity that takes points to others, of NumPy's arrays as of JAX's."""

from typing import Any, NamedTuple


class Similarity(NamedTuple):
    """Takes x to `linear @ (x - origin) + goal`.

    Attributes:
        linear: `[2, 2]`, a rotation times a scale.
        origin: `[2]`, the mean of the points.
        goal: `[2]`, the mean of the others.
    """

    linear: Any
    origin: Any
    goal: Any


def fit(source: Any, target: Any) -> Similarity:
    """The least squares similarity from points `[N, 2]` to others, arrays of one library
    (NumPy's, or JAX's, traced or not), whose arrays it is made of."""
    origin, goal = source.mean(0), target.mean(0)
    source, target = source - origin, target - goal
    cosine = (source * target).sum()
    sine = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()
    rows = [[cosine, -sine], [sine, cosine]]
    linear = source.__array_namespace__().asarray(rows) / (source**2).sum()
    return Similarity(linear, origin, goal)
