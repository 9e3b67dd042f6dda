"""What the scripts that train a network have in common."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from experiments.export import export
from experiments.generate_samples import GENERATOR
from experiments.samples import Samples
from experiments.trainer import Task, train
from pie_jax.io import converted


def parser(
    description: str | None, *, steps: int, batch: int, width: float, report_every: int
) -> argparse.ArgumentParser:
    """The options that all have, with these defaults."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, required=True, help="their folder")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--width", type=float, default=width)
    parser.add_argument("--report-every", type=int, default=report_every)
    return parser


def identity(trained_on: Samples, batch_size: int, width: float) -> dict[str, Any]:
    """What tells a training from others of its network: a task's `identity`."""
    return {
        "samples": len(trained_on.seed),
        "last seed": int(trained_on.seed[-1]),
        "batch": batch_size,
        "width": width,
    }


def digest(arrays: Any) -> str:
    """The SHA-256 of a pytree's numbers, for an `identity`."""
    found = hashlib.sha256()
    for array in jax.tree.leaves(arrays):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


def beginning(module: nn.Module, size: int, *others: jax.Array) -> Any:
    """Random parameters, always the same, of a network of pictures.

    Args:
        module: takes `[1, size, size, 3]`, and the others.
        size: pixels on a side.
        others: what else it takes.
    """
    # Drawing all kernels by JAX's default generator takes XLA 20 seconds to compile.
    key = jax.random.key(0, impl="rbg")
    blank = jnp.zeros((1, size, size, 3))
    return jax.jit(module.init)(key, blank, *others)["params"]


def run(task: Task, args: argparse.Namespace, name: str, labels: str = "") -> None:
    """Trains, and writes the network.

    Args:
        task: what is trained.
        args: of `parser`.
        name: of the file in the run's folder.
        labels: what besides the samples it learns from, for the file's header.
    """
    params, figures = train(task, args.out, args.steps, args.report_every)
    known = {k: f"{value:.5f}" for k, value in figures.items() if value is not None}
    data = f"{task.identity['samples']} samples of {GENERATOR}{labels}"
    header = {converted.KIND: name, "data": data} | known
    export(args.out / f"{name}.safetensors", params, header)
