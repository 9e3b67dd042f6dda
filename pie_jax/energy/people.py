"""Draws v, somebody whom the generator makes up (PIE, sec. 4.2).

Each iteration has a v of its own. Two samplers with one signature: *online* makes v when
it is asked for, *bank* takes one of those that were made before. The bank's are made by
*online*, so both have the same expectation up to the sampling of the bank itself.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import from_255, to_255
from pie_jax.core.interfaces import Estimate, FindLandmarks, Generator, Preview
from pie_jax.core.params import Params
from pie_jax.energy.likeness import reduced
from pie_jax.energy.term import Person, theta_of
from pie_jax.face import crops

Draw = Callable[[Params, Array], Person]
"""`(params, key) -> v`."""

PSI = 0.9
"""Truncation of v. On samples of the default generator, yaw deviates by 8 degrees at
0.4 to 0.6, by 12 at 0.6 to 0.8, by 14 from 0.8 on, and dlib found all their faces."""


def online(
    generator: Generator,
    preview: Preview,
    estimate: Estimate,
    landmarks: FindLandmarks,
) -> Draw:
    """Draws by making: z, its w, its picture, and what that shows; it needs
    `generator`, `mofa`, `landmark_net`, and what `preview` does, which draws them."""

    def draw(params: Params, key: Array) -> Person:
        w_avg = params.generator["w_avg"]
        z = jax.random.normal(key, (1, 512), w_avg.dtype)
        (w,) = w_avg + PSI * (generator.mapping(params.generator, z) - w_avg)
        image = drawn(generator, preview, params, w)[None]
        return Person(
            w=w,
            theta=theta_of(estimate, params, image[0]),
            image=reduced(image[0]),
            landmarks=landmarks(params.landmark_net, image)[0],
            jitter=_jitter(key),
        )

    return draw


def drawn(generator: Generator, preview: Preview, params: Params, w: Array) -> Array:
    """The picture `[S, S, 3]` of a w `[512]`, RGB in [-1, 1]."""
    w_plus = jnp.broadcast_to(w, (1, generator.num_ws, *w.shape))
    return jnp.clip(preview(params, w_plus), -1, 1)[0]


def bank(params: Params, key: Array) -> Person:
    """Draws one of the people in the part `bank`, each as likely as any other.

    That part is a `Person` whose arrays have a leading axis, and whose pictures are
    stored (`stored`).
    """
    people = params.bank
    index = jax.random.randint(key, (), 0, len(people.image))
    person = jax.tree.map(lambda x: x[index], people)
    image = from_255(person.image)
    return dataclasses.replace(person, image=image, jitter=_jitter(key))


def _jitter(key: Array) -> Array:
    """Drawn apart from the person, of the same key."""
    return jax.random.randint(jax.random.fold_in(key, 1), (), 0, len(crops.JITTERS))


def stored(person: Person) -> Person:
    """A person as a bank keeps it: the picture is uint8 in [0, 255], and no jitter."""
    image_u8 = jnp.rint(to_255(person.image)).astype(jnp.uint8)
    return Person(person.w, person.theta, image_u8, person.landmarks)
