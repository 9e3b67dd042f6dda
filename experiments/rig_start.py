"""The best linear rig: the edit that shows most of what is wanted, and least else.

With a linear map from codes to what is seen (`ridge_regression`), StyleRig's losses are
quadratic, and their minimum has a closed form: of all offsets of a code, the one that
minimises length + what the renderings differ by + how far the descriptor moves. Of
expressions the landmarks are what is wanted.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.ridge_regression import Regression
from pie_jax.core import theta as parameters
from pie_jax.core.ibug import OUTER_EYES, SIXTY_SIX
from pie_jax.core.numerics import norm
from pie_jax.core.theta import SIZES
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices

LENGTH = {"rotation": 1e-3, "expression": 1e-3, "illumination": 1e-4}
"""Weight of an offset's sum of squares, in standard deviations."""
PERSON = {"rotation": 0.1, "expression": 3.0, "illumination": 1.0}
"""Weight of the squared distance of descriptors, of which mean squared differences of
the rendering (distances of the eyes, RGB) weigh 1. A head that turns looks different
to dlib's network too, so of rotation little is asked. Without it, light takes beard
and length of the hair along; with a fifth of these for rotation and a tenth for
expression, jemison.jpg gets glasses as she looks up, and a moustache without a smile."""
LANDMARKS = 300.0
"""Weight of the mean squared distance of landmarks, of expressions."""
SHARE = {"rotation": 1.0, "expression": 0.6, "illumination": 1.0}
"""Of the offset, how much is taken: a regression from few samples takes effects to be
smaller than they are, and of landmarks longer offsets leave more."""


def slices() -> dict[str, slice]:
    """Where the parts of theta lie in its vector."""
    ends = np.cumsum([*SIZES.values()]).tolist()
    return {k: slice(x - SIZES[k], x) for k, x in zip(SIZES, ends, strict=True)}


def visible_change(
    model: Morphable, theta: np.ndarray, part: slice = slice(None)
) -> np.ndarray:
    """How much a rendering changes with a part of theta, to second order at `[257]`.

    Returns:
        `[n, n]`, n numbers of theta: the mean squared change of what is seen is
        `d @ H @ d`, of points in distances of the outer corners of the eyes, and of RGB
        in [0, 1].
    """
    theta, index = theta.astype(np.float32), np.arange(len(theta))[part]
    jacobian = _changes(model, theta[index], theta, index)
    return np.asarray(jacobian.T @ jacobian, np.float64)


@jax.jit
@partial(jax.jacfwd, argnums=1)
def _changes(model: Morphable, values: Array, theta: Array, index: Array) -> Array:
    face = parameters.from_vector(jnp.asarray(theta).at[index].set(values))
    rendering = render_vertices(model, face, 1, occlusion=False)
    left, right = (rendering.landmarks[i] for i in OUTER_EYES)
    eyes = jax.lax.stop_gradient(norm(left - right))
    counts = rendering.visible / jnp.sum(rendering.visible)
    both = jnp.concatenate([rendering.points / eyes, rendering.colours], axis=-1)
    return (jnp.sqrt(counts)[:, None] * both).ravel()


def seen_landmarks(points: np.ndarray) -> np.ndarray:
    """Landmarks `[S, 68, 2]` wherever the face is, `[S, 132]` in distances of the outer
    corners of the mean face's eyes."""
    left, right = (points.mean(axis=0)[i] for i in OUTER_EYES)
    chosen = points[:, np.array(SIXTY_SIX)]
    about = chosen - chosen.mean(axis=1, keepdims=True)
    return about.reshape(len(about), -1) / np.linalg.norm(left - right)


def landmark_change(model: Morphable, theta: np.ndarray, component: str) -> np.ndarray:
    """How `seen_landmarks` move with each number of a component: `[132, n]`, at theta
    `[257]`."""
    place = slices()[component]
    face = jnp.asarray(theta, jnp.float32)

    def shown(values: Array) -> Array:
        moved = parameters.from_vector(face.at[place].set(values))
        return render_vertices(model, moved, 1, occlusion=False).landmarks

    points, slope = shown(face[place]), jax.jacfwd(shown)(face[place])
    left, right = (points[i] for i in OUTER_EYES)
    chosen = slope[np.array(SIXTY_SIX)]
    about = (chosen - chosen.mean(axis=0)) / norm(left - right)
    return np.asarray(about.reshape(-1, about.shape[-1]), np.float64)


def directions(
    regression: Regression,
    change: np.ndarray,
    component: str,
    moved: np.ndarray | None = None,
) -> np.ndarray:
    """The offset for one standard deviation of each number of the component.

    Args:
        regression: to theta and a descriptor, `[257 + D]`; and landmarks, if `moved` is
            given.
        change: from `visible_change`.
        component: one of `core.theta.COMPONENTS`.
        moved: from `landmark_change`: these are to show the component, for what MoFA
            sees of it hardly has what people ask for by name (docs/measurements.md).

    Returns:
        `[n, num_ws, 512]`, in standard deviations along the principal axes.
    """
    place = slices()
    rows, columns, count = regression.kernel.shape
    theta = regression.deviation[: len(change)]
    matters = np.diag(PERSON[component] * regression.deviation**2)
    matters[: len(theta), : len(theta)] = change * np.outer(theta, theta)
    if component == "rotation":
        # In the FFHQ frame a head that turns also moves (`training.rignet_step`).
        matters[place["translation"]] = 0
        matters[:, place["translation"]] = 0
    wanted = matters[:, place[component]].copy()
    if moved is not None:
        last = slice(count - len(moved), count)
        weight = LANDMARKS / len(SIXTY_SIX) * regression.deviation[last]
        matters[place[component]], matters[:, place[component]] = 0, 0
        matters[last, last] = np.diag(weight * regression.deviation[last])
        wanted[:] = 0
        wanted[last] = weight[:, None] * moved * regression.deviation[place[component]]
    kernel = regression.kernel.reshape(-1, count).astype(np.float64)
    system = LENGTH[component] * np.eye(count) + matters @ (kernel.T @ kernel)
    offsets = SHARE[component] * kernel @ np.linalg.solve(system, wanted)
    return offsets.T.reshape(-1, rows, columns)


def begin(
    network: Any, regression: Regression, offsets: np.ndarray, component: str
) -> Any:
    """RigNet's parameters that make it this linear rig, of `directions`.

    The initial ones have as many features as the component has numbers, or as there is
    room for: then the component of the code itself is seen in its largest effects alone.
    """
    size, rows, columns = offsets.shape
    seen = regression.kernel[..., slices()[component]].reshape(-1, size)
    features = network["encoder"]["bias"].shape[-1] // 2
    inward, outward = _low_rank(seen, offsets.reshape(size, -1), features)
    inward = rows * inward.reshape(rows, columns, -1)  # RigNet takes the rows' mean
    found = inward.shape[-1]
    encoder, decoder = network["encoder"], network["decoder"]
    summary = slice(features, features + found)
    centred = -np.einsum("rn,rnf->rf", regression.centre, inward)
    target = slice(2 * features, 2 * features + size)
    kernel = decoder["kernel"].at[:, target].set(offsets.transpose(1, 0, 2))
    back = outward.reshape(found, rows, columns).transpose(1, 0, 2)
    kernel = kernel.at[:, summary].set(-back)
    return network | {
        "encoder": {
            "kernel": encoder["kernel"].at[..., summary].set(inward),
            "bias": encoder["bias"].at[:, summary].set(centred),
        },
        "decoder": decoder | {"kernel": kernel},
    }


def _low_rank(
    inward: np.ndarray, outward: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray]:
    """`inward @ outward` as the product of narrower matrices, as near as can be."""
    q_in, r_in = np.linalg.qr(inward)
    q_out, r_out = np.linalg.qr(outward.T)
    u, s, vt = np.linalg.svd(r_in @ r_out.T)
    kept = slice(min(rank, len(s)))
    root = np.sqrt(s[kept])
    return q_in @ (u[:, kept] * root), (root[:, None] * vt[kept]) @ q_out.T
