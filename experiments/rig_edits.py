"""The edits of samples that rigs are trained by and judged by.

Heads turn evenly to all sides. Expressions and lights are half of the time those of other
samples, or between, or beyond; the other half is what people ask for by name
(`editing.targets`): few samples show one unit by itself, or a lamp at the side.
"""

import itertools
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments import sample_faces
from experiments.rig_data import Data
from pie_jax.editing import targets
from pie_jax.editing.targets import Amount
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.training.rignet_step import RigBatch

JITTER = 0.5
"""The largest deviation of what is added to every number of a code, in its own
deviations: those of photographs lie 0.2 to 0.9 apart from row to row."""
TURNED = (20.0, 35.0, 2.0)
"""Degrees of pitch, yaw and roll within which heads are turned, evenly, from the pose that
MoFA sees before the code is jittered."""
STRONGEST = 1.3
"""Of edits towards another sample's component."""
NAMED = 0.5
"""The share of expressions and lights that are asked for by name."""
NAMES = 2
"""The most names of one expression."""
LAMPS = {"azimuth": (-90.0, 90.0), "elevation": (-20.0, 60.0), "strength": (0.1, 0.5)}
"""Where lamps stand, in degrees, and how hard they are (`editing.targets.lit`)."""
TINTED = 0.25
"""The largest deviation of a lamp's red, green or blue from grey."""


def following(
    data: Data,
    model: Morphable,
    component: str,
    batch_size: int,
    seed: int,
    first_step: int,
) -> Iterator[RigBatch]:
    """Batches, each a function of the training's seed and its step alone."""
    for step in itertools.count(first_step):
        yield chosen(data, model, component, batch_size, seed, step)[0]


def chosen(
    data: Data,
    model: Morphable,
    component: str,
    batch_size: int,
    seed: int,
    step: int,
) -> tuple[RigBatch, np.ndarray]:
    """Edits of samples, and which samples these are."""
    rng = np.random.default_rng((seed, step))
    picked, others = rng.integers(len(data.samples.seed), size=(2, batch_size))
    code = data.codes(picked)
    apart = JITTER * rng.uniform(size=(batch_size, 1, 1)).astype(np.float32)
    code = code + apart * rng.standard_normal(code.shape, np.float32)
    own = data.faces.theta[picked]
    if component == "rotation":
        to = own.copy()
        to[:, :3] = np.radians(TURNED) * rng.uniform(-1, 1, (batch_size, 3))
    else:
        strength = rng.uniform(0, STRONGEST, (batch_size, 1)).astype(np.float32)
        to = own + strength * (data.faces.theta[others] - own)
    before, there = (getattr(sample_faces.to_jax(x), component) for x in (own, to))
    if component == "illumination" or (
        component == "expression" and morphable.names(model)
    ):
        asked = rng.uniform(size=(batch_size, 1)) < NAMED
        there = jnp.where(asked, _by_name(rng, before, model, component), there)
    return RigBatch(jnp.asarray(code), there - before), picked


def _by_name(
    rng: np.random.Generator, own: jax.Array, model: Morphable, component: str
) -> jax.Array:
    """Expressions or lights that somebody asks for who has those `[B, n]`."""
    ask = partial(_expressed, model) if component == "expression" else _lit
    return jnp.stack([ask(rng, x[None])[0] for x in own])


def _expressed(
    model: Morphable, rng: np.random.Generator, expression: jax.Array
) -> jax.Array:
    known = morphable.names(model)
    names = rng.choice(known, rng.integers(1, NAMES + 1), replace=False)
    amounts = {str(name): Amount(rng.uniform()) for name in names}
    return targets.expressed(model, expression, amounts)


def _lit(rng: np.random.Generator, illumination: jax.Array) -> jax.Array:
    lamp = {k: Amount(rng.uniform(*limits)) for k, limits in LAMPS.items()}
    colour = 1 + TINTED * rng.uniform(-1, 1, 3) * rng.integers(2)
    return targets.lit(illumination, **lamp, colour=jnp.asarray(colour, jnp.float32))
