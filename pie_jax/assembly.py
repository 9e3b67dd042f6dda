"""Concrete choices: from configuration values to functions, and their parameters.

The one place that knows which networks exist. It reads no file: the caller brings the
parameters, loaded by the names that `required_weights` gives.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from pie_jax.core.interfaces import Generator
from pie_jax.embedding.stages import Stage, stage
from pie_jax.energy.term import Networks
from pie_jax.energy.total import Energy, energy
from pie_jax.networks import dlib_resnet, latents, mobile_stylegan, vgg

TESTING_WIDTHS = (8, 8)


class Choice(NamedTuple):
    """A network that a configuration can name."""

    build: Callable[[], Any]
    """Makes the functions."""
    init: Callable[[jax.Array], Any]
    """`key -> params`: their layout, and random values for testing."""
    weights: str | None
    """Name of the weights in the cache; None: random parameters, for tests."""


GENERATORS = {
    "mobile_stylegan_ffhq": Choice(
        mobile_stylegan.mobile_stylegan,
        mobile_stylegan.init_params,
        "mobile_stylegan_ffhq",
    ),
    "testing": Choice(
        lambda: mobile_stylegan.mobile_stylegan(TESTING_WIDTHS),
        lambda key: mobile_stylegan.init_params(key, TESTING_WIDTHS),
        None,
    ),
}


def _image_network(module: nn.Module, size: int, weights: str) -> Choice:
    """A network that takes one square image of at least `size` pixels."""
    return Choice(
        build=lambda: lambda params, image: module.apply({"params": params}, image),
        init=lambda key: module.init(key, jnp.zeros((1, size, size, 3)))["params"],
        weights=weights,
    )


PERCEPTUAL = {"vgg16": _image_network(vgg.VGG16(), vgg.MIN_SIZE, "vgg16")}

RECOGNITION = {
    "dlib_resnet": _image_network(
        dlib_resnet.DlibResNet(), dlib_resnet.CHIP_SIZE, "dlib_resnet"
    )
}

PARTS = {
    "generator": GENERATORS,
    "perceptual": PERCEPTUAL,
    "recognition": RECOGNITION,
}


class Assembly(NamedTuple):
    """Everything that an embedding runs."""

    generator: Generator
    networks: Networks
    energy: Energy
    stages: tuple[Stage, ...]


def choices(config: ConfigDict) -> dict[str, Choice]:
    """The networks that the configuration names, by the part they play.

    Raises:
        ValueError: a name that is not one of the part's choices.
    """
    chosen = {}
    for part, table in PARTS.items():
        name = config[part]
        if name and name not in table:
            raise ValueError(
                f"config.{part} is {name!r}; choose one of {sorted(table)}"
            )
        if name:
            chosen[part] = table[name]
    return chosen


def required_weights(config: ConfigDict) -> dict[str, str]:
    """Names of the weights to load, by part."""
    return {k: v.weights for k, v in choices(config).items() if v.weights}


def assemble(config: ConfigDict) -> Assembly:
    """Builds the functions that a configuration describes.

    Raises:
        ValueError: a name that is unknown, a term whose network is left out, no
            generator, no stage, or another start.
    """
    for name in ("generator", "stages"):
        if not config[name]:
            raise ValueError(f"config.{name} is empty")
    if config.start != "mean":
        raise ValueError(f"config.start is {config.start!r}; choose 'mean'")
    built = {part: choice.build() for part, choice in choices(config).items()}
    generator = built["generator"]
    networks = Networks(built.get("perceptual"), built.get("recognition"))
    return Assembly(
        generator=generator,
        networks=networks,
        energy=energy(generator, networks, config.energy.to_dict()),
        stages=tuple(
            stage(num_ws=generator.num_ws, **values.to_dict())
            for values in config.stages
        ),
    )


def assemble_params(
    config: ConfigDict,
    loaded: Mapping[str, Any],
    check: Callable[[Any, Any, str], None],
    parts: Collection[str] | None = None,
) -> dict[str, Any]:
    """Puts the parameters of all parts together.

    Args:
        config: the configuration.
        loaded: parameters by part, for each name of `required_weights` (of `parts`).
        check: `(params, template, name)`, raises when the layout is not the template's
            (`pie_jax.io.weights.check`).
        parts: leave out all parts but these; none without it.

    Returns:
        `{part: params}`, arrays on the default device. Parts without published
        weights (testing) get random ones from a fixed key.
    """
    params = {}
    for part, choice in choices(config).items():
        if parts is not None and part not in parts:
            continue
        key = jax.random.key(0)
        if choice.weights is None:
            params[part] = choice.init(key)
        else:
            check(loaded[part], jax.eval_shape(choice.init, key), choice.weights)
            params[part] = jax.tree.map(jnp.asarray, loaded[part])
    if "generator" in params and _needs_latents(config):
        generator = GENERATORS[config.generator].build()
        params["latents"] = latents.moments(generator, params["generator"])
    return params


def _needs_latents(config: ConfigDict) -> bool:
    """Whether anything asks where the generator's codes lie."""
    stages = (values.get("coordinates") == "principal" for values in config.stages)
    return bool(config.energy.get("prior")) or any(stages)
