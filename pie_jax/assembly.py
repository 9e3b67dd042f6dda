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
from pie_jax.embedding import starts
from pie_jax.embedding.stages import Stage, stage
from pie_jax.embedding.starts import Start
from pie_jax.energy import crops
from pie_jax.energy.term import Networks
from pie_jax.energy.total import Energy, energy
from pie_jax.networks import (
    dlib_resnet,
    encoder,
    latents,
    mobile_stylegan,
    picture_vector,
    stylegan1,
    stylegan2,
    vgg,
    vgg_face,
)

TESTING_WIDTHS = (8, 8)


class Choice(NamedTuple):
    """A network that a configuration can name."""

    build: Callable[..., Any]
    """`(*sizes) -> functions`; without sizes, those of the published network."""
    init: Callable[..., Any]
    """`(key, *sizes) -> params`: their layout, and random values for testing."""
    weights: str | None
    """Name of the weights: of what the package ships, or in the cache and as the kind
    of a file that the user has converted; None: random parameters, for tests."""
    sizes: Callable[[Any], tuple] = lambda params: ()
    """`params -> sizes`, for networks that were published in several sizes."""


GENERATORS = {
    "mobile_stylegan_ffhq": Choice(
        mobile_stylegan.mobile_stylegan,
        mobile_stylegan.init_params,
        "mobile_stylegan_ffhq",
    ),
    "stylegan1": Choice(
        stylegan1.stylegan1, stylegan1.init_params, "stylegan1", stylegan1.sizes
    ),
    "stylegan2": Choice(
        stylegan2.stylegan2, stylegan2.init_params, "stylegan2", stylegan2.sizes
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
    ),
    "vgg_face": _image_network(vgg_face.VGGFace(), vgg_face.SIZE, "vgg_face"),
}

CROPS = {"dlib_resnet": crops.dlib_chip, "vgg_face": crops.vgg_face_patch}
"""What each recognition network sees of a portrait."""


def _encoder(num_ws: int, weights: str | None) -> Choice:
    """An encoder to the codes of a generator with so many style inputs."""

    def build(width: float = 0.5) -> Callable[[Any, jax.Array], Any]:
        module = encoder.Encoder(num_ws, width)
        return lambda params, image: module.apply({"params": params}, image)

    def init(key: jax.Array, width: float = 0.5) -> Any:
        blank = jnp.zeros((1, encoder.SIZE, encoder.SIZE, 3))
        return encoder.Encoder(num_ws, width).init(key, blank)["params"]

    return Choice(
        build, init, weights, lambda params: (picture_vector.width_of(params),)
    )


ENCODERS = {
    "mobile_stylegan_ffhq": _encoder(
        GENERATORS["mobile_stylegan_ffhq"].build().num_ws, "encoder"
    ),
    "testing": _encoder(GENERATORS["testing"].build().num_ws, None),
}
"""By the generator that they were trained on."""

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
    start: Start


def choices(config: ConfigDict) -> dict[str, Choice]:
    """The networks that the configuration names, by the part they play.

    Raises:
        ValueError: a name that is not one of the part's choices, or a start that there
            is not.
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
    if config.start == "encoder":
        if config.generator not in ENCODERS:
            raise ValueError(
                f"config.start is 'encoder', but there is none for {config.generator}; "
                "choose 'mean'"
            )
        chosen["encoder"] = ENCODERS[config.generator]
    elif config.start != "mean":
        raise ValueError(
            f"config.start is {config.start!r}; choose 'encoder' or 'mean'"
        )
    return chosen


def required_weights(config: ConfigDict) -> dict[str, str]:
    """Names of the weights to load, by part."""
    return {k: v.weights for k, v in choices(config).items() if v.weights}


def assemble(config: ConfigDict, loaded: Mapping[str, Any] | None = None) -> Assembly:
    """Builds the functions that a configuration describes.

    Args:
        config: the configuration.
        loaded: parameters by part, which tell the sizes of networks that were published
            in several; where they are not given, a network has its usual size.

    Raises:
        ValueError: a name that is unknown, a term whose network is left out, no
            generator, no stage, another start, or parameters of another network.
    """
    for name in ("generator", "stages"):
        if not config[name]:
            raise ValueError(f"config.{name} is empty")
    built = {
        part: choice.build(*_sizes(choice, (loaded or {}).get(part)))
        for part, choice in choices(config).items()
    }
    generator = built["generator"]
    networks = Networks(
        built.get("perceptual"),
        built.get("recognition"),
        CROPS.get(config.recognition, crops.dlib_chip),
    )
    return Assembly(
        generator=generator,
        networks=networks,
        energy=energy(generator, networks, config.energy.to_dict()),
        stages=tuple(
            stage(num_ws=generator.num_ws, **values.to_dict())
            for values in config.stages
        ),
        start=starts.encoded(built["encoder"])
        if "encoder" in built
        else starts.mean(generator.num_ws),
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
        if choice.weights is None:
            params[part] = choice.init(jax.random.key(0))
        else:
            check(loaded[part], _layout(choice, loaded[part]), choice.weights)
            params[part] = jax.tree.map(jnp.asarray, loaded[part])
    if "generator" in params and _needs_latents(config):
        choice = GENERATORS[config.generator]
        generator = choice.build(*_sizes(choice, params["generator"]))
        params["latents"] = latents.moments(generator, params["generator"])
    return params


def _layout(choice: Choice, params: Any) -> Any:
    """Names, shapes and types of a network as large as these parameters say."""
    sizes = _sizes(choice, params)
    return jax.eval_shape(lambda key: choice.init(key, *sizes), jax.random.key(0))


def _sizes(choice: Choice, params: Any) -> tuple:
    """How large the network is that has these parameters; nothing without them."""
    if params is None:
        return ()
    try:
        sizes = choice.sizes(params)
        if not all(sizes):
            raise LookupError("no layer is there")
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"the parameters are not those of {choice.weights}") from error
    return sizes


def _needs_latents(config: ConfigDict) -> bool:
    """Whether anything asks where the generator's codes lie."""
    stages = (values.get("coordinates") == "principal" for values in config.stages)
    whitened = config.energy.get("prior") or config.start == "encoder"
    return bool(whitened) or any(stages)
