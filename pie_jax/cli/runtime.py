"""What every command that runs networks does first: weights, parameters, compiler."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from pie_jax import assembly, catalogue
from pie_jax.cli import bank, shipped
from pie_jax.converters import stack
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.io import assets, converted, weights


def start(
    config: ConfigDict, *also: str, parts: tuple[str, ...] | None = None
) -> tuple[assembly.Assembly, dict[str, Any]]:
    """Assembles a configuration with its parameters, fetching what is missing.

    Args:
        config: the configuration.
        *also: further names of weights to have in the cache (the landmark predictor).
        parts: load only these parts' parameters, also such that no term needs
            (`assembly.choices`); all that are needed without it.

    Raises:
        PieError: the configuration names what does not exist, or fetching failed.
    """
    keep_compiled_programs()
    # First without parameters: the configuration's own mistakes are told before
    # anything is fetched.
    _assemble(config, {}, parts)
    loaded = _load(config, also, parts)
    assembled = _assemble(config, loaded, parts)
    params = assembly.assemble_params(config, loaded, _checker(config), parts)
    if assembly.needs_bank(config) and (parts is None or "bank" in parts):
        identity = bank_identity(config)
        params["bank"] = bank.load(assembled, params, identity, config.bank_size)
    return assembled, params


def _assemble(
    config: ConfigDict, loaded: dict[str, Any], parts: tuple[str, ...] | None
) -> assembly.Assembly:
    try:
        return assembly.assemble(config, loaded, parts or ())
    except (TypeError, ValueError) as error:  # TypeError: a value of a stage lacks
        raise PieError(f"the configuration does not fit: {error}") from error


def files(config: ConfigDict) -> dict[str, Path]:
    """The files that the configuration names instead of other weights, by part.

    Raises:
        PieError: a file is named for a part that takes none.
    """
    named = {part: name for part, name in config.files.items() if name}
    for part in named.keys() & catalogue.PARTS.keys():
        choice = catalogue.PARTS[part].get(config[part])
        if choice is None or choice.weights is None:
            raise PieError(
                f"config.files.{part} is set, but {part} {config[part]!r} takes none"
            )
    own = f"rig_{config.component}"
    if own in named:
        named["rig"] = named[own]
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


def identities(config: ConfigDict, origins: dict[str, dict[str, str]]) -> list[Any]:
    """What tells the weights of all parts from others, in the order of the parts; it can
    be written as JSON.

    Args:
        config: the configuration.
        origins: from the function of that name.
    """

    required = assembly.required_weights(config)
    return [_identity(part, name, origins) for part, name in required.items()]


def _identity(part: str, name: str, origins: dict[str, dict[str, str]]) -> Any:
    if part in origins:
        return origins[part]["sha256"]
    return assets.digest(name) if name in assets.ALL else weights.metadata(name)


def face_model_record(config: ConfigDict) -> dict[str, str]:
    """Which face model the configuration names: `name`, and of a file `path` and
    `sha256`.

    Raises:
        PieError: the file cannot be read.
    """
    return {"name": config.face_model, **origins(config).get("face_model", {})}


def bank_identity(config: ConfigDict) -> list[Any]:
    """What a bank of the configuration's people depends on; it can be written as JSON."""
    required = assembly.required_weights(config)
    origin = origins(config)
    made_by = [
        _identity(part, required[part], origin) if part in required else "random"
        for part in ("generator", "mofa", "face_model")
    ]
    return [config.generator, *made_by, assets.digest("landmark_net")]


def _load(
    config: ConfigDict, also: tuple[str, ...], parts: tuple[str, ...] | None
) -> dict[str, Any]:
    """Parameters by part, from the files that are named and from the cache."""
    names = assembly.required_weights(config, parts or ())
    if parts is not None:
        names = {part: name for part, name in names.items() if part in parts}
    named = {part: file for part, file in files(config).items() if part in names}
    installed = {
        part: name
        for part, name in names.items()
        if name in assets.ALL and part not in named
    }
    fetched = {x: names[x] for x in names if x not in named | installed}
    for part, name in fetched.items():
        if name not in stack.ASSETS:
            raise PieError(_how_to_name(config, part, name))
    within = {
        part: choice.within
        for part, choice in assembly.choices(config, parts or ()).items()
        if part in names and choice.within
    }
    # A file that is absent or of another kind is told before anything is fetched.
    loaded = {part: _converted(file, names[part]) for part, file in named.items()}
    others = (name for inner in within.values() for name in inner.values())
    if needed := (*fetched.values(), *others, *also):
        stack.ensure(*needed)
    loaded |= {part: _installed(name) for part, name in installed.items()}
    loaded |= {part: weights.load(name) for part, name in fetched.items()}
    for part, inner in within.items():
        loaded[part] |= weights.load_within(inner)
    return loaded


def _converted(file: Path, kind: str) -> Any:
    """What `pie convert` or a training wrote: a face model, or parameters."""
    arrays = converted.load(file, kind)
    if kind not in catalogue.FACE_MODELS:
        return jax.tree.map(np.float32, arrays)
    try:
        return morphable.from_arrays(arrays)
    except ValueError as error:
        raise PieError(f"{file} is {error}. Convert its source again.") from error


def _installed(name: str) -> Any:
    """What comes with the package: a face model, or a network's parameters."""
    if name in assets.MODELS:
        return shipped.face_model(name)
    return assets.parameters(name)


def _how_to_name(config: ConfigDict, part: str, kind: str) -> str:
    if part.startswith("rig"):
        component = config.component if part == "rig" else part.removeprefix("rig_")
        return (
            f"there is no {component} rig for codes of {config.generator}. Find one "
            f"with `python -m experiments.train_rignet {component} --config ...`, and "
            f"name it with --config.files.rig_{component}={kind}.safetensors"
        )
    return (
        f"the {part} {kind} cannot be fetched. Convert a file of your own with `pie "
        f"convert {kind} FILE --out {kind}.safetensors`, and name it with "
        f"--config.files.{part}={kind}.safetensors"
    )


def _checker(config: ConfigDict) -> Callable[[Any, Any, str], None]:
    """Compares parameters with their network's layout, and says what to do."""
    names = assembly.required_weights(config, files(config).keys())
    named = {names[part]: file for part, file in files(config).items() if part in names}

    def check(params: Any, template: Any, name: str) -> None:
        if name in named:
            remedy = "Convert its source again with `pie convert`."
            weights.check(params, template, str(named[name]), remedy)
        elif name in assets.ALL:
            weights.check(params, template, name, "Install the package again.")
        else:
            weights.check(params, template, name)

    return check


def keep_compiled_programs() -> None:
    """Keeps XLA's programs beside the weights: a second run starts at once."""
    jax.config.update("jax_compilation_cache_dir", str(weights.cache_dir() / "xla"))
    # A damaged entry is compiled anew, and one that cannot be written is done without;
    # nobody needs to read about it.
    warnings.filterwarnings(
        "ignore", "Error (reading|writing) persistent compilation cache"
    )
