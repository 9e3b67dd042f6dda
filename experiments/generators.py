"""The generator that a script works for: a configuration's, as `pie` takes it."""

import argparse
from typing import Any

from ml_collections import ConfigDict

from pie_jax.cli import arguments
from pie_jax.core.interfaces import Generator
from pie_jax.stack import configuration
from pie_jax.stack.load import load, origins
from pie_jax.stack.uses import SYNTHESIZE

GENERATOR = "mobile_stylegan_ffhq"


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, ConfigDict]:
    """Reads the command line, with `--config` and `--config.a.b=value`.

    Raises:
        PieError: there is no such configuration, or no such value of it.
    """
    arguments.add_config(parser)
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
    origin = origins(config).get("generator")
    return config.generator + (f" {origin['sha256'][:16]}" if origin else "")


def default() -> tuple[Generator, Any]:
    """The default generator and its parameters, which are fetched if need be."""
    found = load(configuration.load(configuration.DEFAULT), SYNTHESIZE)
    return found.functions.generator, found.params.generator
