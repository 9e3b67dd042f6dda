"""Codes as commands take them, and the configuration that they belong to."""

from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from pie_jax.converters import codes as foreign
from pie_jax.core.errors import PieError
from pie_jax.io import codes
from pie_jax.io.codes import Codes
from pie_jax.io.results import METRICS
from pie_jax.stack import configuration
from pie_jax.stack.assembly import Functions


def load_config(code: Path, name: str | None, overrides: Sequence[str]) -> ConfigDict:
    """The configuration that is named, or the projection's with the code's generator.

    Args:
        code: a folder or a file.
        name: of the configuration, or None.
        overrides: `--config.a.b=value`.

    Raises:
        PieError: as `configuration.load`; there is no such code; or the file of weights that
            it belongs to has gone.
    """
    if not code.exists():
        raise PieError(f"{code}: there is no such folder or file")
    if name is not None or not code.is_dir():
        return configuration.load(name or configuration.OF_ANY, overrides)
    _, metadata = codes.load(code)
    file = codes.generator_file(metadata)
    given = [
        f"--config.generator={metadata.get('generator')}",
        f"--config.files.generator={file.get('path', '')}",
    ]
    config = configuration.load(configuration.OF_ANY, [*given, *overrides])
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
    if not (source / "code").is_dir() and (source / METRICS).exists():
        raise PieError(
            f"{source / 'code'} is not there any more; embed the photograph again by "
            "`pie embed --overwrite`"
        )
    if not (source / "code").is_dir():
        raise PieError(
            f"{source} holds no embedded portrait; name the folder that `pie embed` "
            "made for it, OUT/<name of the photograph>, or a file with a code"
        )
    if not (source / "aligned.png").is_file():
        raise PieError(
            f"{source / 'aligned.png'} is not there any more; embed the photograph again "
            "by `pie embed --overwrite`"
        )


def load_codes(code: Path, functions: Functions, space: str | None = None) -> Codes:
    """Reads any kind of code.

    Args:
        code: a folder or a file.
        functions: their generator must be the code's.
        space: see `codes.to_w_plus`.

    Raises:
        PieError: it cannot be read, has another shape, or is another generator's.
    """
    num_ws = functions.generator.num_ws
    if code.is_dir():
        sha256 = functions.origins.get("generator", {}).get("sha256")
        return codes.load_codes(code, num_ws, functions.config.generator, sha256)
    return Codes(codes.to_w_plus(foreign.read(code), num_ws, str(code), space))
