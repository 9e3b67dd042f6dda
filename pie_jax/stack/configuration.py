"""Configurations: ml-collections files, and values that override theirs."""

import difflib
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from absl import flags
from ml_collections import ConfigDict, config_flags

import pie_jax.configs
from pie_jax.configs import common
from pie_jax.core.errors import PieError

DEFAULT = "default"
OF_ANY = "projection"
"""The one that asks for nothing that only some generators have."""


def shipped() -> list[str]:
    """Names of the configurations that ship with the package."""
    names = {path.stem for path in _folder().glob("*.py")}
    return sorted(names - {"__init__", "common"})


def load(name: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """Loads a configuration as `config_flags` does.

    Args:
        name: a file, or a name of `shipped()`.
        overrides: `--config.a.b=value`, `--config.stages[0].num_steps=10`, ...

    Raises:
        PieError: no such file, a file that gives no configuration, no such value, a
            value of another type.
    """
    file = _folder() / f"{name}.py" if name in shipped() else Path(name)
    if not file.is_file():
        raise PieError(
            f"there is no configuration {name!r}: give a file, or one of "
            f"{', '.join(shipped())}"
        )
    config = _get_config(name, file)
    lacking = {*common.get_config(), "energy", "stages"} - {*config}
    if lacking:
        raise PieError(f"configuration {name} lacks {', '.join(sorted(lacking))}")
    # config_flags tells a wrong name from a wrong value by no rule of its own.
    known = _names(config, "config")
    for override in overrides:
        flag = override.removeprefix("--").partition("=")[0]
        if flag not in known:
            raise PieError(_unknown(name, flag, known))
    return _override(name, config, overrides)


def _folder() -> Path:
    return Path(pie_jax.configs.__path__[0])


def _get_config(name: str, file: Path) -> ConfigDict:
    # Not by DEFINE_config_file, which uses what Python has deprecated.
    loader = SourceFileLoader("pie_jax_chosen_config", str(file))
    module = ModuleType(loader.name)
    module.__file__ = str(file)
    try:
        loader.exec_module(module)
        config = module.get_config()
    except (Exception, SystemExit) as error:  # a program may raise anything
        raise PieError(f"configuration {name}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise PieError(f"configuration {name}: get_config() gives no ConfigDict")
    return config


def _override(name: str, config: ConfigDict, overrides: Sequence[str]) -> ConfigDict:
    argv = ["pie", *overrides]
    values = flags.FlagValues()
    holder = config_flags.DEFINE_config_dict(
        "config", config, flag_values=values, sys_argv=argv
    )
    try:
        values(argv)
    except (flags.Error, TypeError, ValueError) as error:
        raise PieError(f"configuration {name}: {error}") from error
    return holder.value


def _unknown(name: str, flag: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(flag, known, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"configuration {name} has no value {flag!r}{hint}"


def _names(value: object, prefix: str) -> list[str]:
    if isinstance(value, ConfigDict):
        return [x for k, v in value.items() for x in _names(v, f"{prefix}.{k}")]
    if isinstance(value, tuple):
        return [x for i, v in enumerate(value) for x in _names(v, f"{prefix}[{i}]")]
    return [prefix]
