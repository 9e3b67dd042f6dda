"""Loads a configuration: its functions, with the parameters that a use needs.

Every part's parameters come from the file that the configuration names for it, from the
package, or from the cache, into which they are fetched if they are not there.
"""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from pie_jax.core.errors import PieError
from pie_jax.core.interfaces import Generator
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS
from pie_jax.face import morphable
from pie_jax.io import arrays, assets
from pie_jax.networks import latents
from pie_jax.stack import (
    assembly,
    bank,
    cache,
    converted,
    fetch,
    networks,
    programs,
    registry,
    uses,
)
from pie_jax.stack.assembly import Stack
from pie_jax.stack.networks import Network
from pie_jax.stack.uses import Use

_INSTALL_AGAIN = "Install the package again."


def load(
    config: ConfigDict,
    use: Use,
    *,
    own: Generator | None = None,
    own_params: Any = None,
) -> Stack:
    """Assembles a configuration with its parameters, fetching what is missing.

    Args:
        use: what for; only that is loaded.
        own: a generator in the place of the configuration's.
        own_params: its parameters.

    Raises:
        PieError: the configuration names what does not exist, or fetching failed.
    """
    keep_compiled_programs()
    try:
        # First without parameters: the configuration's own mistakes are told before
        # anything is fetched.
        assembly.functions(config, use, {}, own=own)
        wanted = uses.needs(config, use)
        chosen = uses.choose(config, wanted, own)
    except (TypeError, ValueError) as error:  # TypeError: a value of a stage lacks
        raise PieError(f"the configuration does not fit: {error}") from error
    if own is not None and uses.needs_bank(config, use):
        raise PieError(
            "a bank of people is kept of generators that are known by name or file; for "
            "one of your own set the sampler of each of config.stages to 'online'"
        )
    loaded = _read(config, chosen)
    if own is not None and "generator" in chosen:
        loaded["generator"] = jax.tree.map(jnp.asarray, own_params)
    try:
        functions = assembly.functions(
            config, use, loaded, own=own, origins=origins(config)
        )
    except ValueError as error:
        raise PieError(f"the configuration does not fit: {error}") from error
    params = _params(loaded, config)
    if uses.needs_latents(config, use):
        moments = latents.moments(functions.generator, params.generator)
        params = dataclasses.replace(params, latents=moments)
    if uses.needs_bank(config, use):
        people = bank.load(
            functions,
            params,
            bank_identity(config, functions.origins),
            config.bank_size,
        )
        params = dataclasses.replace(params, bank=people)
    return Stack(params, functions)


def _params(loaded: dict[str, Any], config: ConfigDict) -> Params:
    """One struct of the parts' parameters."""
    rigs = {c: loaded.pop(f"rig_{c}") for c in COMPONENTS if f"rig_{c}" in loaded}
    if "mofa" in loaded and config.mofa == "deep3d":
        model = loaded["face_model"]
        loaded["mofa"] = {"network": loaded["mofa"], "face_model": model}
    return Params(rigs=rigs, **loaded)


def files(config: ConfigDict) -> dict[str, Path]:
    """The files that the configuration names instead of other weights, by part.

    Raises:
        PieError: a file is named for a part that takes none.
    """
    named = {part: name for part, name in config.files.items() if name}
    for part in named.keys() & networks.NAMED.keys():
        network = networks.NAMED[part].get(config[part])
        if network is None or network.weights is None:
            raise PieError(
                f"config.files.{part} is set, but {part} {config[part]!r} takes none"
            )
    return {part: Path(name).expanduser().absolute() for part, name in named.items()}


def origins(config: ConfigDict) -> dict[str, dict[str, str]]:
    """Where those files lie and what they are: `path` and `sha256`, by part.

    Raises:
        PieError: one of them cannot be read.
    """
    return {
        part: {"path": str(file), "sha256": converted.sha256(file)}
        for part, file in files(config).items()
    }


def identities(
    config: ConfigDict, origins: Mapping[str, Mapping[str, str]]
) -> list[Any]:
    """What tells the weights of an embedding from others, in the order of the parts; it
    can be written as JSON. `origins` are from the function of that name."""
    chosen = uses.choose(config, uses.needs(config, uses.EMBED))
    return [
        _identity(part, network.weights, origins)
        for part, network in chosen.items()
        if network.weights
    ]


def bank_identity(
    config: ConfigDict, origins: Mapping[str, Mapping[str, str]]
) -> list[Any]:
    """What a bank of the configuration's people depends on; args as of `identities`."""
    parts = ["generator", "mofa", "face_model"]
    parts += ["to_rgb"] if "to_rgb" in uses.needs(config, uses.EMBED) else []
    chosen = uses.choose(config, parts)
    made_by = [_identity(part, chosen[part].weights, origins) for part in parts]
    return [config.generator, *made_by, assets.digest("landmark_net")]


def _identity(
    part: str, name: str | None, origins: Mapping[str, Mapping[str, str]]
) -> Any:
    if part in origins:
        return origins[part]["sha256"]
    if name is None:
        return "random"
    return assets.digest(name) if name in registry.INSTALLED else cache.metadata(name)


def face_model_record(
    config: ConfigDict, origins: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Which face model the configuration names: `name`, and of a file `path` and
    `sha256`; args as of `identities`."""
    return {"name": config.face_model, **origins.get("face_model", {})}


def _read(config: ConfigDict, chosen: Mapping[str, Network]) -> dict[str, Any]:
    """Parameters of the networks by part, compared with their layout."""
    names = {part: network.weights for part, network in chosen.items()}
    named = {part: file for part, file in files(config).items() if names.get(part)}
    fetched = {
        part: name
        for part, name in names.items()
        if name and part not in named and name not in registry.INSTALLED
    }
    for part, name in fetched.items():
        if name not in registry.CARRIED:
            raise PieError(_how_to_name(config, part, name))
    # A file that is absent or of another kind is told before anything is fetched.
    loaded = {
        part: converted.load(file, str(names[part])) for part, file in named.items()
    }
    within = [x for network in chosen.values() for x in network.within.values()]
    if needed := (*fetched.values(), *within):
        fetch.ensure(*needed)
    for part, network in chosen.items():
        if network.weights is None:
            if network.init:
                loaded[part] = network.init(jax.random.key(0))
            continue
        if part in named:
            source, remedy = (
                str(named[part]),
                "Convert its source again, or train it again.",
            )
        elif part in fetched:
            loaded[part] = cache.load(network.weights)
            source, remedy = network.weights, cache.remedy(network.weights)
        else:
            loaded[part] = assets.load(network.weights).nested()
            source, remedy = network.weights, _INSTALL_AGAIN
        loaded[part] = _checked(network, loaded[part], source, remedy)
    return loaded


def _checked(network: Network, tree: Any, source: str, remedy: str) -> Any:
    """Parameters on the device, or a face model.

    Raises:
        PieError: they are not the network's.
    """
    if network.init is None:
        return face_model(tree, source, remedy)
    own = jax.tree.map(lambda x: np.asarray(x, np.float32), tree)
    own |= {key: cache.load(name) for key, name in network.within.items()}
    try:
        found = assembly.sizes(network, own)
    except ValueError as error:
        raise PieError(f"the configuration does not fit: {error}") from error
    layout = programs.layout(network.init, str(network.weights), found)
    arrays.check(own, layout, source, remedy)
    # Not `jnp.asarray`, which compiles a program for each shape.
    return jax.device_put(own)


def face_model(tree: Any, source: str, remedy: str) -> morphable.Morphable:
    """The face model of a file's arrays.

    Raises:
        PieError: it is none.
    """
    try:
        return morphable.from_arrays(tree)
    except ValueError as error:
        raise PieError(f"{source} is {error}. {remedy}") from error


def _how_to_name(config: ConfigDict, part: str, kind: str) -> str:
    if part.startswith("rig"):
        component = part.removeprefix("rig_")
        return (
            f"there is no {component} rig for codes of {config.generator}. Find one "
            f"with `python -m experiments.train_rignet {component} --config ...`, and "
            f"name it with --config.files.{part}={kind}.safetensors"
        )
    return (
        f"the {part} {kind} cannot be fetched. Convert a file of your own with `pie "
        f"convert {kind} FILE --out {kind}.safetensors`, and name it with "
        f"--config.files.{part}={kind}.safetensors"
    )


def _remove_empty(folder: Path) -> None:
    """Removes what a full disk left of programs; JAX would not write them again."""
    with contextlib.suppress(OSError):
        for file in os.scandir(folder):
            if file.stat().st_size == 0:
                Path(file).unlink(missing_ok=True)


def keep_compiled_programs() -> None:
    """Keeps XLA's programs beside the weights: a second run starts at once."""
    folder = cache.cache_dir() / "xla"
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        return  # XLA takes names in UTF-8 only
    _remove_empty(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # The small ones too: together they take longer than a short command does.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A damaged entry is compiled anew, and one that cannot be written is done without;
    # nobody needs to read about it.
    warnings.filterwarnings(
        "ignore", "Error (reading|writing) persistent compilation cache"
    )
