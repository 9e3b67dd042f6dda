r"""Takes back what MoFA says of light that the face hardly shows.

    python -m experiments.visible_light --samples samples \
        --mofa mofa/mofa.safetensors --out pie_jax/assets/mofa.safetensors \
        --portraits photos/*.jpg

Visible normals tell five of the nine harmonics well. The others, such as x^2 - y^2,
vary over samples by as much as those, and change the colours by a hundredth: MoFA's
values there are arbitrary, and no edit follows them. Ridge regression towards the mean
over samples keeps of each what the colours tell. It is a linear map of light, so only
MoFA's head for light changes; all other arrays are copied. Needs
opencv-python-headless, to judge the pose.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from experiments import (
    mofa_figures,
    mofa_heads,
    rig_start,
    script,
)
from experiments.mofa_heads import Affine
from pie_jax.core.theta import FaceParams, to_vector
from pie_jax.face.morphable import Morphable

HALVED = 0.03
"""Light of which one unit changes colours in [0, 1] by this much (at a vertex, the root
of the sum of squares over RGB) comes half as far from the mean as MoFA says. It costs
500 samples 0.0009 of colour error, of 0.0568."""

_FACES = 40


def main() -> None:
    """Reads MoFA, looks at samples, measures what comes of it, and writes that."""
    refit = mofa_heads.begin(__doc__, num=2000)
    params, image_u8 = refit.network.params, refit.image_u8
    theta = mofa_figures.estimate(refit.judge, params, image_u8)
    shares = kept(colour_change(refit.model, theta))
    middle = np.asarray(theta.illumination, np.float64).mean(axis=0)
    mofa_heads.export(refit, head(refit.file.flat, shares, middle))


def colour_change(model: Morphable, theta: FaceParams) -> np.ndarray:
    """How much colours change with light, C `[27, 27]`: light that differs by d changes a
    visible vertex by `d @ C @ d` in the mean, the sum of squares over RGB. Of `theta`
    `[S]` the first ones are looked at, with the model's mean skin."""
    place = rig_start.slices()["illumination"]
    mean_skin = dataclasses.replace(theta, reflectance=0 * theta.reflectance)
    few = np.asarray(to_vector(mean_skin))[:_FACES]
    return np.mean([rig_start.visible_change(model, x, place) for x in few], axis=0)


def kept(change: np.ndarray) -> np.ndarray:
    """What is kept of a difference from the mean: `[27, 27]`, of `colour_change`'s."""
    return np.linalg.solve(change + HALVED**2 * np.eye(len(change)), change)


def head(
    arrays: Mapping[str, np.ndarray], shares: np.ndarray, middle: np.ndarray
) -> dict[str, np.ndarray]:
    """The layer after which of light there is `middle + shares @ (light - middle)`.

    Args:
        arrays: MoFA's; those that change are returned, in their precision.
        shares: `[27, 27]`.
        middle: `[27]`.
    """
    towards = Affine(shares.T, middle - shares @ middle)
    light = mofa_heads.read(arrays, "illumination")
    return mofa_heads.written(arrays, {"illumination": towards.after(light)})


if __name__ == "__main__":
    script.run(main)
