"""Concrete choices: from configuration values to functions, and their parameters.

Which networks there are is in `catalogue`. No file is read here: the caller brings the
parameters, loaded by the names that `required_weights` gives.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from pie_jax import catalogue
from pie_jax.catalogue import Choice
from pie_jax.core.interfaces import Estimate, Generator, Rig
from pie_jax.core.theta import COMPONENTS
from pie_jax.embedding import starts
from pie_jax.embedding.stages import Stage, stage
from pie_jax.embedding.starts import Start
from pie_jax.energy import crops, people
from pie_jax.energy.term import Networks
from pie_jax.energy.total import Energy, energy, needs
from pie_jax.networks import latents, rignet

_ALWAYS = ("generator", "perceptual", "recognition")

SAMPLERS = ("bank", "online")


class Assembly(NamedTuple):
    """Everything that an embedding runs."""

    generator: Generator
    networks: Networks
    energy: Energy
    stages: tuple[Stage, ...]
    start: Start
    estimate: Estimate | None
    """MoFA, where it is needed; its parameters are the part `mofa`."""
    rigs: dict[str, Rig]
    """By component, those that are needed. The parameters are the part `rig` for
    `config.component` in the energy, `rig_` before the component where asked for."""


def choices(config: ConfigDict, also: Collection[str] = ()) -> dict[str, Choice]:
    """The networks that the configuration names, by the part they play.

    Args:
        config: the configuration.
        also: parts that are wanted though no term may need them: `mofa`,
            `face_model`, and `rig_` before a component.

    Raises:
        ValueError: a name that is not one of the part's choices, or a start that there
            is not.
    """
    named = {part: _named(config, part, catalogue.PARTS[part]) for part in _ALWAYS}
    named |= _face_choices(config, also)
    chosen = {part: choice for part, choice in named.items() if choice is not None}
    if config.start not in ("encoder", "mean"):
        raise ValueError(
            f"config.start is {config.start!r}; choose 'encoder' or 'mean'"
        )
    return chosen | _measured_choices(config)


def _measured_choices(config: ConfigDict) -> dict[str, Choice]:
    """What was found once for a generator, and is asked for."""
    chosen = {}
    if config.start == "encoder":
        if config.generator not in catalogue.ENCODERS:
            raise ValueError(
                f"config.start is 'encoder', but there is none for {config.generator}; "
                "choose 'mean'"
            )
        chosen["encoder"] = catalogue.ENCODERS[config.generator]
    if "curvature" in _coordinates(config):
        if config.generator not in catalogue.CURVATURES:
            raise ValueError(
                "a stage's coordinates are 'curvature', which was not measured for "
                f"{config.generator}; choose 'principal', and another optimizer"
            )
        chosen["curvature"] = catalogue.CURVATURES[config.generator]
    return chosen


def _coordinates(config: ConfigDict) -> set[str]:
    """In which coordinates the stages work."""
    return {values.get("coordinates", "w") for values in config.stages}


def _named(config: ConfigDict, part: str, table: Mapping[str, Any]) -> Any:
    """What the configuration names of a table; None where it names nothing."""
    name = config[part]
    if name and name not in table:
        raise ValueError(f"config.{part} is {name!r}; choose one of {sorted(table)}")
    return table[name] if name else None


def _face_choices(config: ConfigDict, also: Collection[str]) -> dict[str, Any]:
    """What sees and edits faces, as far as terms of the energy need it, or `also`."""
    wanted = needs(config.energy)
    for name, known in (("component", COMPONENTS), ("sampler", SAMPLERS)):
        if wanted and config[name] not in known:
            raise ValueError(
                f"config.{name} is {config[name]!r}; choose one of {known}"
            )
    chosen: dict[str, Any] = {}
    rigs = {f"rig_{component}": component for component in COMPONENTS}
    rigs = {part: component for part, component in rigs.items() if part in also}
    if wanted:
        rigs["rig"] = config.component
    if rigs and (table := _named(config, "rig", catalogue.RIGS)):
        chosen |= {
            k: catalogue.rig(table, config.generator, x) for k, x in rigs.items()
        }
    if wanted or "mofa" in also:
        chosen["mofa"] = _named(config, "mofa", catalogue.MOFA)
    of_its_own = "mofa" in chosen and config.mofa == "deep3d"
    if "edited" in wanted or "face_model" in also or of_its_own:
        chosen["face_model"] = _named(config, "face_model", catalogue.FACE_MODELS)
        _check_face_model(config)
    if "edited" in wanted and config.sampler == "online":
        chosen["landmark_net"] = catalogue.LANDMARK_NET
    return chosen


def _check_face_model(config: ConfigDict) -> None:
    """Raises ValueError where MoFA is known to give another model's parameters."""
    sees = catalogue.SEES.get(config.mofa, config.face_model)
    own = config.mofa == "mofa" and config.files.mofa  # trained for who knows what
    if config.face_model != sees and not own:
        raise ValueError(
            f"config.mofa is {config.mofa!r}, which sees faces of {sees}, not of "
            f"{config.face_model}; choose --config.face_model={sees}, or name a MoFA "
            "of your own with --config.files.mofa"
        )


def needs_bank(config: ConfigDict) -> bool:
    """Whether the parameters need the part `bank` (`energy.people.bank`), which the
    caller brings."""
    return "edited" in needs(config.energy) and config.sampler == "bank"


def required_weights(config: ConfigDict, also: Collection[str] = ()) -> dict[str, str]:
    """Names of the weights to load, by part (of `choices`)."""
    return {k: v.weights for k, v in choices(config, also).items() if v.weights}


def assemble(
    config: ConfigDict,
    loaded: Mapping[str, Any] | None = None,
    also: Collection[str] = (),
) -> Assembly:
    """Builds the functions that a configuration describes.

    Args:
        config: the configuration.
        loaded: parameters by part, which tell the sizes of networks that were published
            in several; where they are not given, a network has its usual size.
        also: see `choices`.

    Raises:
        ValueError: a name that is unknown, a term whose network is left out, no
            generator, no stage, another start, or parameters of another network.
    """
    for name in ("generator", "stages"):
        if not config[name]:
            raise ValueError(f"config.{name} is empty")
    built = {
        part: choice.build(*_sizes(choice, (loaded or {}).get(part)))
        for part, choice in choices(config, also).items()
    }
    generator = built["generator"]
    _check_rigs(generator, loaded or {})
    rigs = {x: built[f"rig_{x}"] for x in COMPONENTS if f"rig_{x}" in built}
    if "rig" in built:
        rigs[built["rig"].component] = built["rig"]
    networks = Networks(
        built.get("perceptual"),
        built.get("recognition"),
        catalogue.CROPS.get(config.recognition, crops.dlib_chip),
        built.get("mofa"),
        built.get("rig"),
    )
    return Assembly(
        generator=generator,
        networks=networks,
        energy=energy(generator, networks, config.energy.to_dict(), _draw(built)),
        stages=_stages(config, generator.num_ws),
        start=starts.encoded(built["encoder"])
        if "encoder" in built
        else starts.mean(generator.num_ws),
        estimate=networks.estimate,
        rigs=rigs,
    )


def _stages(config: ConfigDict, num_ws: int) -> tuple[Stage, ...]:
    """Raises ValueError where an optimiser would compare energies of different v."""
    built = tuple(stage(num_ws=num_ws, **x.to_dict()) for x in config.stages)
    if "edited" in needs(config.energy) and any(x.keeps_best for x in built):
        raise ValueError(
            "config.energy has terms that draw a v in each step, and a stage's optimizer "
            "is 'quasi_newton', which compares the steps; choose 'adam_short'"
        )
    return built


def _check_rigs(generator: Generator, loaded: Mapping[str, Any]) -> None:
    """Raises ValueError where a rig's parameters are for codes of another shape."""
    for part in ("rig", *(f"rig_{component}" for component in COMPONENTS)):
        if part in loaded and rignet.num_ws(loaded[part]) != generator.num_ws:
            raise ValueError(
                f"the {part} is for codes of {rignet.num_ws(loaded[part])} rows, and "
                f"the generator's have {generator.num_ws}"
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
        parts: leave out all parts but these, of `choices(config, parts)`; none
            without it.

    Returns:
        `{part: params}`, arrays on the default device. Parts without published
        weights (testing) get random ones from a fixed key.
    """
    params = {}
    for part, choice in choices(config, parts or ()).items():
        if parts is not None and part not in parts:
            continue
        if choice.weights is None:
            params[part] = _initialized(choice)
        elif choice.init is None:
            params[part] = loaded[part]
        else:
            check(loaded[part], _layout(choice, loaded[part]), choice.weights)
            params[part] = jax.tree.map(jnp.asarray, loaded[part])
    if "mofa" in params and config.mofa == "deep3d":
        model = params.get("face_model", loaded.get("face_model"))
        params["mofa"] = {"network": params["mofa"], "face_model": model}
    if "generator" in params and _needs_latents(config):
        choice = catalogue.GENERATORS[config.generator]
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
    whitened = config.energy.get("prior") or config.start == "encoder"
    return bool(whitened) or _coordinates(config) != {"w"}
