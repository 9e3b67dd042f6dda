"""The bank of people that edits are tried with, made once and kept with the weights.

Person i depends on i and on the networks alone. So a larger bank goes on from a smaller
one, and making it may be stopped at any moment: it is kept in chunks, each written whole
or not at all.
"""

import hashlib
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from pie_jax.core import theta
from pie_jax.core.errors import PieError
from pie_jax.core.params import Params
from pie_jax.energy import likeness, people
from pie_jax.energy.term import Person
from pie_jax.stack import cache
from pie_jax.stack.assembly import Functions

CHUNK = 20
"""People in a file: two seconds of work with the default generator."""
_VERSION = 2
"""Raised when other people come of the same networks, or more is kept of them."""


def load(
    functions: Functions, params: Params, identity: list[Any], size: int
) -> Person:
    """`Params.bank` (`energy.people.bank`) of so many people; makes what is missing.

    Args:
        functions: give the generator, MoFA and the landmark network.
        params: theirs, `generator`, `mofa`, `landmark_net`, and `to_rgb` where that draws.
        identity: of the networks (`load.bank_identity`).

    Returns:
        Arrays with a leading axis of that size; pictures are uint8.

    Raises:
        PieError: there would be nobody, or the cache cannot be written.
    """
    if size < 1:
        raise PieError(f"config.bank_size is {size}; it must be at least 1")
    names = _names(identity, size)
    if not all(cache.is_intact(name) for name in names):
        with cache.exclusive():  # another run may be making it
            _make(functions, params, names)
    chunks = [cache.load(name) for name in names]
    joined = {k: np.concatenate([x[k] for x in chunks])[:size] for k in chunks[0]}
    return Person(
        w=jnp.asarray(joined["w"]),
        theta=theta.from_vector(jnp.asarray(joined["theta"])),
        image=jnp.asarray(joined["image_u8"]),
        landmarks=jnp.asarray(joined["landmarks"]),
    )


def _names(identity: list[Any], size: int) -> list[str]:
    """What the cache calls the chunks of so many people."""
    record = [_VERSION, people.PSI, likeness.SIZE, *identity]
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return [f"bank-{digest[:16]}/{first:06d}" for first in range(0, size, CHUNK)]


def _make(functions: Functions, params: Params, names: list[str]) -> None:
    """Writes the chunks that are not there."""
    estimate = functions.networks.estimate
    if estimate is None:
        raise PieError("a bank of people needs MoFA, and config.mofa is empty")
    draw = people.online(
        functions.generator, functions.edits, estimate, functions.find_landmarks
    )

    @jax.jit
    def person(params: Params, index: Array) -> Person:
        key = jax.random.fold_in(jax.random.key(0), index)
        return people.stored(draw(params, key))

    total = CHUNK * len(names)
    with tqdm(total=total, desc="people to edit with", smoothing=0.05) as bar:
        for number, name in enumerate(names):
            if cache.is_intact(name):
                bar.update(CHUNK)
                continue
            made = []
            for index in range(CHUNK * number, CHUNK * (number + 1)):
                made.append(jax.tree.map(np.asarray, person(params, jnp.int32(index))))
                bar.update()
            stacked = jax.tree.map(lambda *x: np.stack(x), *made)
            arrays = {
                "w": stacked.w,
                "theta": np.asarray(theta.to_vector(stacked.theta)),
                "image_u8": stacked.image,
                "landmarks": stacked.landmarks,
            }
            cache.save(name, arrays)
