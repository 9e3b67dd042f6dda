"""From a configuration's values to functions, and the parameters that they take.

No file is read here: the caller brings the parameters of the parts that `uses.needs`
names.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from ml_collections import ConfigDict

from pie_jax.core.interfaces import FindLandmarks, Generator, Preview, Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams
from pie_jax.editing.edit import Editor
from pie_jax.editing.sight import compare, sight
from pie_jax.embedding import starts
from pie_jax.embedding.stages import Stage, stage
from pie_jax.embedding.starts import Start
from pie_jax.energy import people
from pie_jax.energy.term import Networks
from pie_jax.energy.total import Energy, draws, energy
from pie_jax.face import crops
from pie_jax.networks import rignet, tuning
from pie_jax.networks.own_rig import COMPONENT, OwnRig
from pie_jax.stack import networks, uses
from pie_jax.stack.networks import Network
from pie_jax.stack.programs import Programs
from pie_jax.stack.uses import EMBED, Use


@dataclasses.dataclass(frozen=True, eq=False)
class Functions:
    """What a configuration describes, without parameters.

    Attributes:
        config: the configuration.
        generator: the generator.
        preview: small pictures of codes if the generator has any, else its own.
        edits: what draws the edits and people of the energy: `preview`, or the generator
            (`config.preview_edits`).
        networks: what the energy is made of.
        energy: E(w).
        stages: the schedule.
        start: where it begins.
        find_landmarks: the landmark network.
        editor: synthesis, sight and rigs, each compiled once; None without MoFA.
        silhouette: `(params, features) -> [B, S, S]` (`networks.SILHOUETTE`); None for
            generators that it was not found for.
        origins: the files that the user brought instead of other weights: `path` and
            `sha256`, by part.
        programs: compile functions of these.
    """

    config: ConfigDict
    generator: Generator
    preview: Preview
    edits: Preview
    networks: Networks
    energy: Energy
    stages: tuple[Stage, ...]
    start: Start
    find_landmarks: FindLandmarks
    editor: Editor | None
    silhouette: Callable | None
    origins: Mapping[str, Mapping[str, str]]
    programs: Programs


@struct.dataclass
class Stack:
    """Functions and their parameters. A pytree of the latter, so that it can be an
    argument of compiled functions, in which parameters must not be constants.

    Attributes:
        params: the parameters, by the part that their network plays (`core.params`).
        functions: what acts on them: `generator`, `energy`, `stages`, `editor`, ...; and
            `config`, the configuration.
    """

    params: Params
    functions: Functions = struct.field(pytree_node=False)


def tuned(stack: Stack, change: tuning.Part | None) -> Stack:
    """The stack with the generator as one portrait's code changes it
    (`networks.tuning.changed`).

    Raises:
        PieError: the change is another generator's.
    """
    if change is None:
        return stack
    generator = tuning.changed(stack.params.generator, change)
    params = dataclasses.replace(stack.params, generator=generator)
    return dataclasses.replace(stack, params=params)


def with_own_rig(stack: Stack, own: OwnRig | None) -> Stack:
    """The stack with one portrait's own rig of turns, if it has one."""
    if own is None:
        return stack
    rigs = {**stack.params.rigs}
    rigs[COMPONENT] = {**rigs[COMPONENT], "own": jax.tree.map(jnp.asarray, dict(own))}
    params = dataclasses.replace(stack.params, rigs=rigs)
    return dataclasses.replace(stack, params=params)


def functions(
    config: ConfigDict,
    use: Use,
    params: Mapping[str, Any],
    *,
    own: Generator | None = None,
    origins: Mapping[str, Mapping[str, str]] | None = None,
) -> Functions:
    """Builds what a configuration describes.

    Args:
        use: what for.
        params: parameters by part, which tell the sizes of networks that were published
            in several; where they are not given, a network has its usual size.
        own: the user's own generator.
        origins: see `Functions`.

    Raises:
        ValueError: a name that is unknown, a term whose network is left out, no
            generator, no stage, another start, or parameters of another network.
    """
    for name in ("generator", "stages"):
        if not config[name]:
            raise ValueError(f"config.{name} is empty")
    # The configuration's own mistakes are told, whatever the use is.
    parts = dict.fromkeys([*uses.needs(config, EMBED), *uses.needs(config, use)])
    built = {
        part: network.build(*sizes(network, params.get(part)))
        for part, network in uses.choose(config, tuple(parts), own).items()
    }
    generator = built["generator"]
    rigs = {c: built[f"rig_{c}"] for c in COMPONENTS if f"rig_{c}" in built}
    _check_rigs(generator, params)
    seen = Networks(
        built.get("perceptual"),
        built.get("recognition"),
        networks.CROPS.get(config.recognition, crops.dlib_chip),
        built.get("mofa"),
        rigs.get(config.component),
    )
    find_landmarks = built.get("landmark_net") or networks.LANDMARK_NET.build()
    preview = _preview(generator, built.get("to_rgb"))
    edits = preview if config.preview_edits else _preview(generator, None)
    programs = Programs(_choices(config), keep=own is None)
    return Functions(
        config=config,
        generator=generator,
        preview=preview,
        edits=edits,
        networks=seen,
        energy=energy(generator, seen, config.energy.to_dict(), edits),
        stages=_stages(config, generator, edits, seen, find_landmarks),
        start=starts.encoded(built["encoder"])
        if "encoder" in built
        else starts.mean(generator.num_ws),
        find_landmarks=find_landmarks,
        editor=_editor(generator, seen, find_landmarks, rigs, programs),
        silhouette=built.get("silhouette"),
        origins=origins or {},
        programs=programs,
    )


_HOW_TO_RUN = ("batch_size", "report_every", "checkpoint_every", "seed", "bank_size")


def _choices(config: ConfigDict) -> dict[str, Any]:
    """What of a configuration decides which functions there are."""
    values: dict[str, Any] = json.loads(config.to_json_best_effort())
    return {k: x for k, x in values.items() if k not in (*_HOW_TO_RUN, "files")}


def sizes(network: Network, params: Any) -> tuple:
    """How large the network is that has these parameters; nothing without them.

    Raises:
        ValueError: they are another network's.
    """
    if params is None:
        return ()
    try:
        found = network.sizes(params)
        if not all(found):
            raise LookupError("no layer is there")
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(
            f"the parameters are not those of {network.weights}"
        ) from error
    return found


def _stages(
    config: ConfigDict,
    generator: Generator,
    edits: Preview,
    seen: Networks,
    find: FindLandmarks,
) -> tuple[Stage, ...]:
    """Raises ValueError where an optimiser would compare energies of different v."""
    samplers: dict[str, people.Draw] = {}
    if draws(config.energy) and seen.estimate is not None:
        made = people.online(generator, edits, seen.estimate, find)
        samplers = {"bank": people.bank, "online": made}
    built = tuple(
        stage(
            num_ws=generator.num_ws,
            draw=samplers.get(values.pop("sampler", "bank")),
            shares_v=config.shares_v,
            **values,
        )
        for values in (x.to_dict() for x in config.stages)
    )
    if samplers and any(x.keeps_best for x in built):
        raise ValueError(
            "config.energy has terms that draw a v in each step, and a stage's optimizer "
            "is 'quasi_newton', which compares the steps; choose 'adam_short'"
        )
    return built


def _check_rigs(generator: Generator, params: Mapping[str, Any]) -> None:
    """Raises ValueError where a rig's parameters are for codes of another shape."""
    for part in (f"rig_{component}" for component in COMPONENTS):
        if part in params and rignet.num_ws(params[part]) != generator.num_ws:
            raise ValueError(
                f"the {part} is for codes of {rignet.num_ws(params[part])} rows, and "
                f"the generator's have {generator.num_ws}"
            )


def _preview(generator: Generator, early: Callable | None) -> Preview:
    if early is None:
        return lambda params, w_plus: generator.synthesis(params.generator, w_plus)
    return lambda params, w_plus: early(params.to_rgb, params.generator, w_plus)


def _editor(
    generator: Generator,
    seen: Networks,
    find: FindLandmarks,
    rigs: Mapping[str, Rig],
    programs: Programs,
) -> Editor | None:
    """Compiled one by one, so that rounds and components share what is compiled."""
    if seen.estimate is None:
        return None
    fields: dict[str, Any] = dict.fromkeys(SIZES, 0)
    face = FaceParams(**fields)
    whole = programs.compiled(sight(seen.estimate, find), "sight", lambda *_: face)

    def see(params: Params, image: Array) -> FaceParams:
        return whole(params.only("mofa", "landmark_net", "face_model"), image)

    compared = programs.compiled(compare(find), "compare", lambda *_: face)

    def see_change(params: Params, *both: Any) -> FaceParams:
        return compared(params.only("landmark_net", "face_model"), *both)

    return Editor(
        synthesis(generator, programs),
        see,
        see_change,
        {
            c: rig._replace(edit=programs.compiled(rig.edit, f"rig {c}", lambda *_: 0))
            for c, rig in rigs.items()
        },
    )


def synthesis(generator: Generator, programs: Programs) -> Callable:
    """The generator's synthesis, compiled."""
    return programs.compiled(generator.synthesis, "synthesis", lambda *_: 0)
