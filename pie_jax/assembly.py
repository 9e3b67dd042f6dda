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

from pie_jax.core.interfaces import Estimate, Generator, Rig
from pie_jax.core.theta import COMPONENTS, SIZES
from pie_jax.embedding import starts
from pie_jax.embedding.stages import Stage, stage
from pie_jax.embedding.starts import Start
from pie_jax.energy import crops, people
from pie_jax.energy.term import Networks
from pie_jax.energy.total import Energy, energy, needs
from pie_jax.networks import (
    dlib_resnet,
    encoder,
    landmark_net,
    latents,
    mobile_stylegan,
    mofa,
    picture_vector,
    rignet,
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
    init: Callable[..., Any] | None
    """`(key, *sizes) -> params`: their layout, and random values for testing; None for
    what is no network, and complete as it is loaded."""
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


def _picture_network(
    module: Callable[[float], nn.Module], weights: str | None, width: float = 0.5
) -> Choice:
    """A network of any width that takes a picture of any size."""

    def build(width: float = width) -> Callable[[Any, jax.Array], Any]:
        return lambda params, image: module(width).apply({"params": params}, image)

    def init(key: jax.Array, width: float = width) -> Any:
        return module(width).init(key, jnp.zeros((1, mofa.SIZE, mofa.SIZE, 3)))[
            "params"
        ]

    return Choice(
        build, init, weights, lambda params: (picture_vector.width_of(params),)
    )


MOFA = {
    "mofa": _picture_network(mofa.MoFA, "mofa"),
    "testing": _picture_network(mofa.MoFA, None, width=1 / 16),
}
LANDMARK_NET = _picture_network(landmark_net.LandmarkNet, "landmark_net")
FACE_MODEL = Choice(build=lambda: None, init=None, weights="morphable")


class RigChoice(NamedTuple):
    """The rigs of one generator, one for each component."""

    generator: str
    """By whose samples they were trained."""
    weights: str | None
    """`weights` of `Choice`, to be followed by the component."""
    widths: tuple[int, int] = (rignet.FEATURES, rignet.HIDDEN)


RIGS = {
    "rignet": RigChoice("mobile_stylegan_ffhq", "rig_"),
    "testing": RigChoice("testing", None, widths=(2, 2)),
}


def _rig(rigs: RigChoice, component: str) -> Choice:
    """The rig of one component."""
    num_ws, size = GENERATORS[rigs.generator].build().num_ws, SIZES[component]

    def build(features: int = rigs.widths[0], hidden: int = rigs.widths[1]) -> Rig:
        return rignet.rig(component, features, hidden)

    def init(
        key: jax.Array, features: int = rigs.widths[0], hidden: int = rigs.widths[1]
    ) -> Any:
        module = rignet.RigNet(features, hidden)
        blank = jnp.zeros((1, num_ws, 512)), jnp.zeros((1, size))
        network = dict(module.init(key, *blank)["params"])
        # The decoder begins at zero, where every edit would leave a code as it is.
        kernel = network["decoder"]["kernel"]
        kernel = 0.01 * jax.random.normal(key, kernel.shape)
        network["decoder"] = network["decoder"] | {"kernel": kernel}
        ones = jnp.ones(size)
        scales = {"mean": 0 * ones, "deviation": ones, "low": -ones, "high": ones}
        return {"network": network} | scales

    weights = None if rigs.weights is None else rigs.weights + component
    return Choice(build, init, weights, rignet.widths)


PARTS = {
    "generator": GENERATORS,
    "perceptual": PERCEPTUAL,
    "recognition": RECOGNITION,
}
"""Those that a configuration may name a file for."""

SAMPLERS = ("bank", "online")


class Assembly(NamedTuple):
    """Everything that an embedding runs."""

    generator: Generator
    networks: Networks
    energy: Energy
    stages: tuple[Stage, ...]
    start: Start
    estimate: Estimate | None
    """MoFA, where a term needs it; its parameters are the part `mofa`."""
    rigs: dict[str, Rig]
    """The rig of `config.component`, where a term needs it, by that name; its
    parameters are the part `rig`."""


def choices(config: ConfigDict) -> dict[str, Choice]:
    """The networks that the configuration names, by the part they play.

    Raises:
        ValueError: a name that is not one of the part's choices, or a start that there
            is not.
    """
    named = {part: _named(config, part, table) for part, table in PARTS.items()}
    chosen = {part: choice for part, choice in named.items() if choice is not None}
    chosen |= _face_choices(config)
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


def _named(config: ConfigDict, part: str, table: Mapping[str, Any]) -> Any:
    """What the configuration names of a table; None where it names nothing."""
    name = config[part]
    if name and name not in table:
        raise ValueError(f"config.{part} is {name!r}; choose one of {sorted(table)}")
    return table[name] if name else None


def _face_choices(config: ConfigDict) -> dict[str, Choice]:
    """What sees and edits faces, as far as terms of the energy need it."""
    wanted = needs(config.energy)
    if not wanted:
        return {}
    for name, known in (("component", COMPONENTS), ("sampler", SAMPLERS)):
        if config[name] not in known:
            raise ValueError(
                f"config.{name} is {config[name]!r}; choose one of {known}"
            )
    chosen = {"mofa": _named(config, "mofa", MOFA)}
    if rigs := _named(config, "rig", RIGS):
        if config.generator != rigs.generator:
            raise ValueError(
                f"config.rig is {config.rig!r}, which is for codes of "
                f"{rigs.generator}, not of {config.generator}"
            )
        chosen["rig"] = _rig(rigs, config.component)
    if "edited" in wanted:
        chosen["face_model"] = FACE_MODEL
        if config.sampler == "online":
            chosen["landmark_net"] = LANDMARK_NET
    return {part: choice for part, choice in chosen.items() if choice is not None}


def needs_bank(config: ConfigDict) -> bool:
    """Whether the parameters need the part `bank` (`energy.people.bank`), which the
    caller brings."""
    return "edited" in needs(config.energy) and config.sampler == "bank"


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
        built.get("mofa"),
        built.get("rig"),
    )
    return Assembly(
        generator=generator,
        networks=networks,
        energy=energy(generator, networks, config.energy.to_dict(), _draw(built)),
        stages=tuple(
            stage(num_ws=generator.num_ws, **values.to_dict())
            for values in config.stages
        ),
        start=starts.encoded(built["encoder"])
        if "encoder" in built
        else starts.mean(generator.num_ws),
        estimate=networks.estimate,
        rigs={networks.rig.component: networks.rig} if networks.rig else {},
    )


def _draw(built: Mapping[str, Any]) -> people.Draw:
    """The sampler of v."""
    if "landmark_net" not in built or "mofa" not in built:
        return people.bank
    return people.online(built["generator"], built["mofa"], built["landmark_net"])


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
            params[part] = _initialized(choice)
        elif choice.init is None:
            params[part] = loaded[part]
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
    return jax.eval_shape(lambda: _initialized(choice, *sizes))


def _initialized(choice: Choice, *sizes: Any) -> Any:
    """A network's random parameters, always the same."""
    if choice.init is None:
        raise TypeError(f"{choice.weights} has no random parameters")
    return choice.init(jax.random.key(0), *sizes)


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
