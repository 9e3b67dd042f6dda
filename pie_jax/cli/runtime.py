"""What every command that runs networks does first: weights, parameters, compiler."""

import warnings
from typing import Any

import jax
from ml_collections import ConfigDict

from pie_jax import assembly
from pie_jax.converters import stack
from pie_jax.core.errors import PieError
from pie_jax.io import weights


def start(
    config: ConfigDict, *also: str, parts: tuple[str, ...] | None = None
) -> tuple[assembly.Assembly, dict[str, Any]]:
    """Assembles a configuration with its parameters, fetching what is missing.

    Args:
        config: the configuration.
        *also: further names of weights to have in the cache (the landmark predictor).
        parts: load only these parts' parameters; all of them without it.

    Raises:
        PieError: the configuration names what does not exist, or fetching failed.
    """
    _keep_compiled_programs()
    try:
        assembled = assembly.assemble(config)
        names = assembly.required_weights(config)
    except (TypeError, ValueError) as error:  # TypeError: a value of a stage lacks
        raise PieError(f"the configuration does not fit: {error}") from error
    if parts is not None:
        names = {part: name for part, name in names.items() if part in parts}
    if needed := (*names.values(), *also):
        stack.ensure(*needed)
    loaded = {part: weights.load(name) for part, name in names.items()}
    params = assembly.assemble_params(config, loaded, weights.check, parts)
    return assembled, params


def _keep_compiled_programs() -> None:
    """Keeps XLA's programs beside the weights: a second run starts at once."""
    jax.config.update("jax_compilation_cache_dir", str(weights.cache_dir() / "xla"))
    # A damaged entry is compiled anew, and one that cannot be written is done without;
    # nobody needs to read about it.
    warnings.filterwarnings(
        "ignore", "Error (reading|writing) persistent compilation cache"
    )
