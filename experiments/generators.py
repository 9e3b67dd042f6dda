"""The generator that a script works for: a configuration's, as `pie` takes it."""

import argparse
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
from pie_jax.converters import stack

from pie_jax import catalogue
from pie_jax.cli import config as configuration
from pie_jax.cli import runtime
from pie_jax.core.interfaces import Generator
from pie_jax.io import weights

GENERATOR = "mobile_stylegan_ffhq"


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, ConfigDict]:
    """Reads the command line, with `--config` and `--config.a.b=value`.

    Raises:
        PieError: there is no such configuration, or no such value of it.
    """
    configuration.add_arguments(parser)
    args, rest = parser.parse_known_args()
    overrides = [x for x in rest if x.startswith("--config.")]
    if unknown := [x for x in rest if x not in overrides]:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return args, configuration.load(args.config, overrides)


def identity(config: ConfigDict) -> str:
    """What tells samples of the configuration's generator from others'.

    Raises:
        PieError: its file cannot be read.
    """
    origin = runtime.origins(config).get("generator")
    return config.generator + (f" {origin['sha256'][:16]}" if origin else "")


def default() -> tuple[Generator, Any]:
    """The default generator and its parameters, which are fetched if need be."""
    stack.ensure(GENERATOR)
    params = jax.tree.map(jnp.asarray, weights.load(GENERATOR))
    return catalogue.GENERATORS[GENERATOR].build(), params
