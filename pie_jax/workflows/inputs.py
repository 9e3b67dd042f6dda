"""Codes as commands take them, and the configuration that they belong to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from pie_jax.converters import codes as foreign
from pie_jax.core.errors import PieError
from pie_jax.io import codes
from pie_jax.stack import configuration
from pie_jax.stack.load import origins


def load_config(code: Path, name: str | None, overrides: Sequence[str]) -> ConfigDict:
    """The configuration that is named, or the default one with the code's generator.

    Args:
        code: a folder or a file.
        name: of the configuration, or None.
        overrides: `--config.a.b=value`.

    Raises:
        PieError: as `config.load`; there is no such code; or the file of weights that
            it belongs to has gone.
    """
    if not code.exists():
        raise PieError(f"{code}: there is no such folder or file")
    if name is not None or not code.is_dir():
        return configuration.load(name or configuration.DEFAULT, overrides)
    _, metadata = codes.load(code)
    file = codes.generator_file(metadata)
    given = [
        f"--config.generator={metadata.get('generator')}",
        f"--config.files.generator={file.get('path', '')}",
    ]
    config = configuration.load(configuration.DEFAULT, [*given, *overrides])
    named = config.files.generator
    if file and named == file["path"] and not Path(named).exists():
        raise PieError(
            f"{code} is a code of the generator in {named} (SHA-256 "
            f"{file['sha256']}), which is not there; name its new place with "
            "--config.files.generator=FILE"
        )
    return config


def check_portrait(source: Path) -> None:
    """Raises PieError where no portrait is in a folder, and no code in a file."""
    if source.is_file():
        return
    if not (source / "code").is_dir() or not (source / "aligned.png").is_file():
        raise PieError(
            f"{source} holds no embedded portrait; name the folder that `pie embed` "
            "made for it, OUT/<name of the photograph>, or a file with a code"
        )


def load_w_plus(
    code: Path, num_ws: int, config: ConfigDict, space: str | None = None
) -> np.ndarray:
    """Reads any kind of code as W+.

    Args:
        code: a folder or a file.
        num_ws: the generator's number of style inputs.
        config: names the generator, and the file of its weights.
        space: see `codes.to_w_plus`.

    Returns:
        `[n, num_ws, 512]` float32.

    Raises:
        PieError: it cannot be read, has another shape, or is another generator's.
    """
    if code.is_dir():
        file = origins(config).get("generator", {})
        return codes.load_w_plus(code, num_ws, config.generator, file.get("sha256"))
    return codes.to_w_plus(foreign.read(code), num_ws, str(code), space)
