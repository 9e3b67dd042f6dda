"""What the scripts that train a network have in common."""

import argparse
import hashlib
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from experiments import script
from experiments.export import export
from experiments.generators import GENERATOR
from experiments.samples import Samples
from experiments.trainer import Task, train
from pie_jax.stack import converted


def parser(
    description: str | None, *common: str, steps: int, batch: int, report_every: int
) -> argparse.ArgumentParser:
    """The options that all have, with these defaults, and some of `script.parser`'s."""
    return script.parser(
        description,
        *("samples", "out", *common),
        steps=(steps, "of the whole training"),
        batch=(batch, "samples in an update"),
        report_every=(report_every, "steps"),
    )


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


def beginning(module: nn.Module, *inputs: jax.Array) -> Any:
    """Random parameters, always the same, of a network that takes these inputs."""
    # Drawing all kernels by JAX's default generator takes XLA 20 seconds to compile.
    key = jax.random.key(0, impl="rbg")
    return jax.jit(module.init)(key, *inputs)["params"]


def run(task: Task, args: argparse.Namespace, name: str) -> None:
    """Trains with dlib's landmarks, and writes the network into the run's folder."""
    params, figures = train(task, args.out, args.steps, args.report_every)
    data = f"{task.identity['samples']} samples of {GENERATOR}, dlib's landmarks"
    header = {converted.KIND: name, "data": data} | figures
    export(args.out / f"{name}.safetensors", params, header)
