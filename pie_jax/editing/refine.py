"""Refines edited codes on the edit's own energy, from a rig's answer.

A rig knows what edits of all people have in common, and takes some of the person along.
Here a code goes down the gradient of what PIE asks of an edit: that l(I(w), theta) is
small at the target (eq. 10), that the person is recognised (eq. 15), and that all else
stays as it was (eq. 13). Steps are standard deviations along the principal axes of w.
"""

import dataclasses
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array

from pie_jax.core.ibug import OUTER_EYES, sixty_six
from pie_jax.core.images import reduce_area
from pie_jax.core.interfaces import Estimate, FindLandmarks, Preview
from pie_jax.core.numerics import norm
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.editing import colours
from pie_jax.editing.edit import Seen
from pie_jax.face import crops, pose
from pie_jax.face.render import Rendering, render_vertices
from pie_jax.networks import latents
from pie_jax.networks.landmark_net import both_ways

STEPS = 24
"""Three times as many bring a light little nearer."""
STEP_SIZE = 0.015
"""The first step's, in standard deviations; the last ones' fall to zero as a cosine."""
ASIDE_SIZE = 64
"""Pixels on a side at which what is not edited is compared."""

NOTICED = {
    "landmarks": 0.014,
    "colours": 0.1,
    "rotation": 0.02,
    "identity": 0.55,
    "reflectance": 0.55,
    "expression": 0.55,
    "illumination": 0.09,
    "person": 0.05,
    "aside": 0.05,
    "near": 0.1,
}
"""Of each term's root mean square the size that weighs as much as any other's: distances
of the eyes, RGB in [0, 1], radians, standard deviations, units of light, the distance of
descriptors, RGB in [-1, 1], standard deviations of w."""
SHOWN = {"expression": {"landmarks": 0.005}}
"""What is noticed sooner where a component is edited: an expression is a few landmarks
that move little, and by `NOTICED` it would hardly be shown."""
_SHARE = 0.125
"""Landmarks are noticed from this share on of how far an expression moves them, if that
is more: a mouth that opens wide would outweigh whose it is."""


class Looks(NamedTuple):
    """The functions of a refinement. They need the parameters `generator`, `mofa`,
    `landmark_net`, `face_model`, `latents`, and `to_rgb` and `recognition`, if there are
    such."""

    preview: Preview
    estimate: Estimate
    find_landmarks: FindLandmarks
    recognition: Callable[[Any, Array], Array] | None
    crop: Callable[[Array, Array], Array]
    place: Callable[[Array], Array]
    """`landmarks [68, 2] -> chip_matrix [2, 3]`, in pixels (`face.crops`)."""


@struct.dataclass
class Aim:
    """What refined edits of B portraits are compared with.

    Attributes:
        target: `[B]`, the theta that is asked for, as MoFA and the landmark network see
            it.
        residual: `[B, 68, 2]` in fractions of the frame, where the portrait's landmarks
            lie off those of its theta.
        colours: `[B, V, 3]`, RGB in [0, 1] of the face's vertices, in the light that is
            asked for.
        visible: `[B, V]` in {0, 1}, where they can be compared.
        landmarks: `[B, 68, 2]`, the portrait's.
        chip_matrix: `[B, 2, 3]`, where its face is cut out of pictures of `REDUCED`
            (`face.crops`).
        descriptors: `[B, 8, D]`, whose it is, by each of `crops.JITTERS`; None without a
            recognition network.
        code: `[B, num_ws, 512]`, the rig's answer in standard deviations.
        correction: `[B, S, S, 3]`, what its preview lacks: a tuned generator's colours
            may be off there.
        aside: `[B, S, S, 3]`, what is to be beside what is edited.
        outside: `[B, S, S]` in [0, 1], how much that counts.
        noticed: `[B]` each, as `NOTICED`, landmarks by `_SHARE` as well.
    """

    target: FaceParams
    residual: Array
    colours: Array
    visible: Array
    landmarks: Array
    chip_matrix: Array
    descriptors: Array | None
    code: Array
    correction: Array
    aside: Array
    outside: Array
    noticed: dict[str, Array]


@struct.dataclass
class Known:
    """What of portraits is the same for all their edits.

    Attributes:
        landmarks: `[B, 68, 2]` in fractions of the frame.
        residual: as of `Aim`.
    """

    landmarks: Array
    residual: Array


def known(looks: Looks, params: Params, portrait: Seen) -> Known:
    """Looks at portraits before their edits."""
    points = both_ways(looks.find_landmarks, params.landmark_net, portrait.image)
    residual = points - _rendered(params, portrait.theta_by_network).landmarks
    return Known(points, residual)


def noticed(components: Collection[str]) -> dict[str, float]:
    """`NOTICED`, where these components are edited."""
    found = dict(NOTICED)
    for component in components:
        found |= SHOWN.get(component, {})
    return found


def aim(
    looks: Looks,
    params: Params,
    portrait: Seen,
    seen: Known,
    photo: Array,
    target: FaceParams,
    edited: Seen,
    aside: Array,
    head: Array,
    noticed: dict[str, float],
) -> Aim:
    """What an edit is refined to.

    Args:
        portrait: before the edit.
        seen: from `known`.
        photo: `[B, R, R, 3]`, where the person is recognised.
        target: `[B]`, its rotation as the landmark network is to see it (`edit.asked`), its
            expression as MoFA is.
        edited: the rig's answer.
        aside: `[B, R, R, 3]`, what is to be beside the head.
        head: `[B, S, S]` in [0, 1], each pixel's share in the edited head, or in what of
            it is edited; where it is 1, nothing is beside it.
        noticed: as `NOTICED`.
    """
    photo = _at_most(photo, crops.REDUCED)
    chip_matrix = jax.vmap(looks.place)(photo.shape[1] * seen.landmarks - 0.5)
    off = _mean_off(seen.residual)
    own = portrait.theta_by_network
    to = dataclasses.replace(own, expression=target.expression)
    asked = _landmarks_off(*(_rendered(params, x).landmarks for x in (to, own)))
    every = {k: jnp.full(len(photo), x, photo.dtype) for k, x in noticed.items()}
    every["landmarks"] = jnp.maximum(every["landmarks"], _SHARE * jnp.sqrt(asked))
    face, visible = colours.expected(params.face_model, own, photo, target, off)
    return Aim(
        target=target,
        residual=seen.residual,
        colours=face,
        visible=visible,
        landmarks=seen.landmarks,
        chip_matrix=chip_matrix,
        descriptors=_described(looks, params, photo, chip_matrix),
        code=latents.whiten(params.latents, edited.w_plus),
        correction=_at_most(edited.image, crops.REDUCED)
        - _drawn(looks, params, edited.w_plus),
        aside=_small(aside),
        outside=1 - jnp.clip(_largest(head, ASIDE_SIZE), 0, 1),
        noticed=every,
    )


def begin(aim: Aim) -> tuple[Array, Any]:
    """The state before the first step: the rig's answer."""
    return aim.code, _ADAM.init(aim.code)


def step(
    looks: Looks, params: Params, state: tuple[Array, Any], aim: Aim, size: Array
) -> tuple[tuple[Array, Any], dict[str, Array]]:
    """One step of Adam, as large as `size`.

    Returns:
        The next state, and before the step the terms, `[B]` each: 1 is noticed.
    """

    def objective(code: Array) -> tuple[Array, dict[str, Array]]:
        found = terms(looks, params, code, aim, which)
        # A sum, so that each portrait's gradient is its own.
        return jnp.sum(jnp.stack([*found.values()])), found

    code, opt_state = state
    which = opt_state.count % len(crops.JITTERS)
    grad, found = jax.grad(objective, has_aux=True)(code)
    updates, opt_state = _ADAM.update(grad, opt_state)
    return (code - size * updates, opt_state), found


def sizes(num_steps: int) -> list[float]:
    """The size of each step."""
    falling = optax.cosine_decay_schedule(STEP_SIZE, max(1, num_steps))
    return [float(falling(i)) for i in range(num_steps)]


def refined(looks: Looks, params: Params, aim: Aim, num_steps: int) -> Array:
    """All steps at once; the codes `[B, num_ws, 512]`."""

    def body(state: tuple[Array, Any], size: Array) -> tuple[tuple[Array, Any], None]:
        return step(looks, params, state, aim, size)[0], None

    every = jnp.asarray(sizes(num_steps), aim.code.dtype)
    (code, _), _ = jax.lax.scan(body, begin(aim), every)
    return latents.unwhiten(params.latents, code)


def terms(
    looks: Looks, params: Params, code: Array, aim: Aim, which: Array | int
) -> dict[str, Array]:
    """What codes `[B, num_ws, 512]` lack, in units of what is noticed, squared: `[B]`;
    the person by the `which`-th of `crops.JITTERS`."""
    w_plus = latents.unwhiten(params.latents, code)
    image = _drawn(looks, params, w_plus) + aim.correction
    theta = looks.estimate(params.mofa, image)
    points = both_ways(looks.find_landmarks, params.landmark_net, image)
    posed = pose.solve(params.face_model, theta, points)  # as the editor sees it
    place = jax.lax.stop_gradient(theta.translation)  # and size: the generator's
    target = dataclasses.replace(aim.target, translation=place)
    shown = _rendered(params, target)
    found = {
        "landmarks": _landmarks_off(points, shown.landmarks + aim.residual),
        "colours": _colours_off(image, shown.points, points, shown.landmarks, aim),
        # Roll is the picture's (`editing.edit`).
        "rotation": _sum((posed.rotation - aim.target.rotation)[:, :2]),
        "near": _mean(code - aim.code),
        "aside": _mean(aim.outside[..., None] * (_small(image) - aim.aside)),
    }
    for name in ("identity", "reflectance", "expression", "illumination"):
        found[name] = _mean(getattr(theta, name) - getattr(aim.target, name))
    if aim.descriptors is not None:
        there = jax.lax.stop_gradient(points)  # no means to be recognised
        matrix = _followed(aim, there, image.shape[1])
        seen = _describe(looks, params, image, matrix, which)
        found["person"] = _sum(seen - aim.descriptors[:, which])
    return {k: x / aim.noticed[k] ** 2 for k, x in found.items()}


_ADAM = optax.scale_by_adam(b2=0.99)


def _landmarks_off(points: Array, wanted: Array) -> Array:
    """The mean squared distance of landmarks `[B, 68, 2]`, wherever they are, in
    distances of the eyes."""
    off = sixty_six(points - wanted)
    off = off - jnp.mean(off, axis=1, keepdims=True)
    left, right = (wanted[:, i] for i in OUTER_EYES)
    return jnp.mean(jnp.sum(off**2, axis=-1), axis=-1) / norm(left - right) ** 2


def _colours_off(
    image: Array, vertices: Array, points: Array, landmarks: Array, aim: Aim
) -> Array:
    """The mean squared difference of the face's colours, where its landmarks lie."""
    seen = colours.sampled(image, vertices + _mean_off(points - landmarks))
    off = jnp.sum((seen - aim.colours) ** 2, axis=-1)
    return jnp.sum(aim.visible * off, axis=-1) / (jnp.sum(aim.visible, axis=-1) + 1e-6)


def _mean_off(residual: Array) -> Array:
    """Of landmarks `[B, 68, 2]`: `[B, 1, 2]`."""
    return jnp.mean(sixty_six(residual), axis=1, keepdims=True)


def _rendered(params: Params, theta: FaceParams) -> Rendering:
    """In fractions of the frame."""
    return render_vertices(params.face_model, theta, 1, occlusion=False)


def _followed(aim: Aim, points: Array, size: int) -> Array:
    """The chip of a face that moved with its landmarks."""
    before, after = (size * x - 0.5 for x in (aim.landmarks, points))
    return jax.vmap(crops.follow)(aim.chip_matrix, before, after)


def _described(looks: Looks, params: Params, image: Array, chip_matrix: Array) -> Any:
    if looks.recognition is None:
        return None
    describe = partial(_describe, looks, params, image, chip_matrix)
    return jnp.moveaxis(jax.lax.map(describe, jnp.arange(len(crops.JITTERS))), 0, 1)


def _describe(
    looks: Looks, params: Params, image: Array, chip_matrix: Array, which: Array | int
) -> Array:
    matrix = jax.vmap(crops.jittered, (0, None))(chip_matrix, which)
    assert looks.recognition is not None
    return looks.recognition(params.recognition, jax.vmap(looks.crop)(image, matrix))


def _drawn(looks: Looks, params: Params, w_plus: Array) -> Array:
    """No network looks at more pixels than these."""
    return _at_most(looks.preview(params, w_plus), crops.REDUCED)


def _at_most(image: Array, size: int) -> Array:
    return reduce_area(image, min(size, image.shape[1]))


def _small(image: Array) -> Array:
    return _at_most(image, ASIDE_SIZE)


def _largest(share: Array, size: int) -> Array:
    """The largest of each block of a mask `[B, S, S]`, `[B, size, size]`."""
    factor = max(1, share.shape[1] // size)
    batch, side = len(share), share.shape[1] // factor
    return share.reshape(batch, side, factor, side, factor).max(axis=(2, 4))


def _sum(x: Array) -> Array:
    return jnp.sum(x**2, axis=tuple(range(1, x.ndim)))


def _mean(x: Array) -> Array:
    return jnp.mean(x**2, axis=tuple(range(1, x.ndim)))
