"""What errors of a code matter, measured on the generator."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments.samples import SIZE
from pie_jax.core.interfaces import Generator
from pie_jax.io import atomic
from pie_jax.training import sensitivity
from pie_jax.training.encoder_step import CodeWeights

PIXEL_SHARE = 0.8
"""Of the weights; the rest follows the variance of w, for what few pixels show."""


class Measured(NamedTuple):
    """The picture's sensitivity along the principal axes.

    Attributes:
        common: `[512]`, to all rows together.
        rows: `[num_ws, 512]`, to each.
    """

    common: np.ndarray
    rows: np.ndarray


def measure(
    generator: Generator,
    params: Any,
    axes: jax.Array,
    codes: np.ndarray,
    num_probes: int,
) -> Measured:
    """Means of `sensitivity.probe` over codes `[S, num_ws, 512]`, one after another."""
    size = min(SIZE, generator.resolution)
    probe = jax.jit(partial(sensitivity.probe, generator.synthesis, size=size))
    keys = jax.random.split(jax.random.key(0), num_probes)
    found = [
        probe(params, axes, key, codes[i % len(codes)])
        for i, key in enumerate(tqdm(keys, unit="probe"))
    ]
    return Measured(*(np.mean(x, axis=0) for x in zip(*found, strict=True)))


def save(path: Path, measured: Measured, generator: str, num_probes: int) -> None:
    """Keeps what was measured, and for what."""
    with atomic.replacing(path) as file:
        about = {"generator": np.array(generator), "probes": np.array(num_probes)}
        arrays: dict[str, Any] = about | measured._asdict()
        np.savez(file, **arrays)


def saved(path: Path, generator: str, num_probes: int) -> Measured | None:
    """What `save` kept of this generator with as many probes; None without it."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        if {"generator", "probes"} - set(arrays.files):
            return None
        if (str(arrays["generator"]), int(arrays["probes"])) != (generator, num_probes):
            return None
        return Measured(*(arrays[name] for name in Measured._fields))


def code_weights(axes: jax.Array, measured: Measured) -> CodeWeights:
    """What errors of a code matter; one deviation everywhere, in all rows, weighs 1.

    Args:
        axes: `[512, 512]`, the codes' principal axes (`networks.latents`).
        measured: along them.
    """
    variance = np.sum(np.asarray(axes) ** 2, axis=0)
    pixel = PIXEL_SHARE / measured.common.sum()
    rest = (1 - PIXEL_SHARE) * variance / variance.sum()
    return CodeWeights(
        common=jnp.asarray(pixel * measured.common + rest),
        rows=jnp.asarray(pixel * measured.rows + rest / len(measured.rows)),
    )
