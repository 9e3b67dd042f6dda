"""What a use of a configuration needs, and the networks that play these parts."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from pie_jax.core.interfaces import Generator
from pie_jax.core.theta import COMPONENTS
from pie_jax.energy.total import draws
from pie_jax.energy.total import needs as terms_need
from pie_jax.stack import networks
from pie_jax.stack.networks import Network

SAMPLERS = ("bank", "online")
STARTS = ("encoder", "mean")
_OWN_PARTS = {
    "landmark_net": "LANDMARK_NET",
    "silhouette": "SILHOUETTE",
    "to_rgb": "TO_RGB",
}
"""Those that a configuration does not choose, by their names in `networks`."""


@dataclasses.dataclass(frozen=True)
class Use:
    """What a configuration is loaded for.

    Attributes:
        embed: to find codes: all that the energy and the stages need.
        edit: components that are to be edited.
        parts: further parts of `Params` whose parameters are needed.
        refine: to refine edits (`editing.refine`).
    """

    embed: bool = False
    edit: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    refine: bool = False


EMBED = Use(embed=True)
FIT = Use(parts=("mofa", "landmark_net", "face_model"))
SYNTHESIZE = Use(parts=("generator",))


def edit(*components: str, refine: bool = False) -> Use:
    """To edit these components of codes, or to look at codes if there is none."""
    seen = ("generator", "recognition", *FIT.parts)
    return Use(edit=components, parts=seen, refine=refine)


def needs(config: ConfigDict, use: Use) -> tuple[str, ...]:
    """The parts whose parameters a use needs, in the order in which they are loaded;
    a rig is `rig_` and its component.

    Raises:
        ValueError: a value of the configuration that no part takes.
    """
    wanted = [*(_embedding(config) if use.embed else ()), *use.parts]
    wanted += [f"rig_{component}" for component in use.edit]
    if config.generator == networks.RIGGED:
        wanted += ["silhouette"] if use.edit or use.refine else []
        wanted += ["to_rgb"] if _previews(config, use) else []
    if "mofa" in wanted and config.mofa == "deep3d":
        wanted.append("face_model")  # which is a part of it
    optional = [x for x in wanted if x in ("perceptual", "recognition", "mofa")]
    left_out = {part for part in optional if not config[part]}
    return tuple(x for x in dict.fromkeys(wanted) if x not in left_out)


def _previews(config: ConfigDict, use: Use) -> bool:
    """Whether anything looks at small pictures of codes."""
    looked_at = use.embed and config.preview_edits and draws(config.energy)
    return bool(use.refine or looked_at)


def _embedding(config: ConfigDict) -> list[str]:
    """What the energy's terms, the start and the stages need."""
    wanted = ["generator", "perceptual", "recognition"]
    seen = terms_need(config.energy)
    named: dict[str, tuple[Any, tuple[str, ...]]]
    named = {"config.component": (config.component, COMPONENTS)}
    for i, sampler in enumerate(_samplers(config)):
        named[f"config.stages[{i}].sampler"] = (sampler, SAMPLERS)
    for name, (value, known) in named.items():
        if seen and value not in known:
            raise ValueError(f"{name} is {value!r}; choose one of {known}")
    if seen:
        edits = config.rig and seen != {"person_image"}
        wanted += ["mofa"] + ([f"rig_{config.component}"] if edits else [])
    if draws(config.energy):
        wanted += ["face_model", "landmark_net"]  # the latter makes v
    if config.start not in STARTS:
        raise ValueError(
            f"config.start is {config.start!r}; choose 'encoder' or 'mean'"
        )
    if config.start == "encoder":
        wanted.append("encoder")
    if "curvature" in _coordinates(config):
        wanted.append("curvature")
    return wanted


def needs_bank(config: ConfigDict, use: Use) -> bool:
    """Whether `Params.bank` is needed (`energy.people.bank`)."""
    return use.embed and draws(config.energy) and "bank" in _samplers(config)


def _samplers(config: ConfigDict) -> list[str]:
    """Of the stages, in their order."""
    return [values.get("sampler", "bank") for values in config.stages]


def needs_landmarks(config: ConfigDict) -> bool:
    """Whether the photograph's landmarks are needed to embed it."""
    return bool(config.recognition or config.energy.get("invariance_landmark"))


def needs_latents(config: ConfigDict, use: Use) -> bool:
    """Whether anything asks where the generator's codes lie."""
    whitened = config.energy.get("prior") or config.start == "encoder"
    embedding = use.embed and (bool(whitened) or _coordinates(config) != {"w"})
    return embedding or use.refine


def _coordinates(config: ConfigDict) -> set[str]:
    """In which coordinates the stages work."""
    return {values.get("coordinates", "w") for values in config.stages}


def choose(
    config: ConfigDict, parts: Sequence[str], own: Generator | None = None
) -> dict[str, Network]:
    """The networks that play some parts of `needs`.

    `own` is the user's own generator, in the place of the configuration's.

    Raises:
        ValueError: a name that is not one of the part's choices, or a network that
            there is none of for this generator.
    """
    chosen = {part: _choose(config, part, own) for part in parts}
    if "face_model" in chosen and "mofa" in chosen:
        _check_face_model(config)
    return chosen


def _choose(config: ConfigDict, part: str, own: Generator | None) -> Network:
    if part == "generator" and own is not None:
        return Network(lambda: own, None, None)
    if part in networks.NAMED:
        return _named(config, part, networks.NAMED[part])
    if part in _OWN_PARTS:
        return getattr(networks, _OWN_PARTS[part])
    if part.startswith("rig_"):
        rigs = _named(config, "rig", networks.RIGS)
        num_ws = (own or networks.GENERATORS[config.generator].build()).num_ws
        component = part.removeprefix("rig_")
        return networks.rig(rigs, config.generator, num_ws, component)
    if part == "encoder" and config.generator not in networks.ENCODERS:
        raise ValueError(
            f"config.start is 'encoder', but there is none for {config.generator}; "
            "choose 'mean'"
        )
    if part == "curvature" and config.generator not in networks.CURVATURES:
        raise ValueError(
            "a stage's coordinates are 'curvature', which was not measured for "
            f"{config.generator}; choose 'principal', and another optimizer"
        )
    table = networks.ENCODERS if part == "encoder" else networks.CURVATURES
    return table[config.generator]


def _named(config: ConfigDict, part: str, table: Mapping[str, Any]) -> Any:
    """What the configuration names of a table."""
    name = config[part]
    if not name:
        raise ValueError(f"config.{part} is empty, and needed here")
    if name not in table:
        raise ValueError(f"config.{part} is {name!r}; choose one of {sorted(table)}")
    return table[name]


def _check_face_model(config: ConfigDict) -> None:
    """Raises ValueError where MoFA is known to give another model's parameters."""
    sees = networks.SEES.get(config.mofa, config.face_model)
    own = config.mofa == "mofa" and config.files.mofa  # trained for who knows what
    if config.face_model != sees and not own:
        raise ValueError(
            f"config.mofa is {config.mofa!r}, which sees faces of {sees}, not of "
            f"{config.face_model}; choose --config.face_model={sees}, or name a MoFA "
            "of your own with --config.files.mofa"
        )
