"""The generator in a pickle that stylegan2-ada-pytorch wrote.

Such a file is a dictionary of PyTorch modules, each wrapped so that the file carries
the module's source code, which is text here and never run, beside the module's
attributes. The tensors in them are complete little PyTorch files of their own. Layout:
`torch_utils/persistence.py` of NVlabs/stylegan2-ada-pytorch.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.restricted_pickle import Call
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import numpy_pickle, restricted_pickle, torch_checkpoint
from pie_jax.io import reading

GENERATOR = "G_ema"
_MAX_MODULES = 10_000
_MAX_NAME = 200


class Module(NamedTuple):
    """A module's attributes, its tensors and component modules among them."""

    class_name: str
    state: dict[str, Any]


class TorchGenerator(NamedTuple):
    """The average generator of such a file.

    Attributes:
        tensors: parameters and buffers by dotted name.
        attributes: of each module the other attributes, by dotted name (`""` is the
            generator itself).
    """

    tensors: dict[str, np.ndarray]
    attributes: dict[str, dict[str, Any]]


def _module(call: Call) -> Module:
    meta = call.args[0]
    return Module(meta["class_name"], meta["state"])


MAKERS: dict[str, Callable[[Call], Any]] = {
    **restricted_pickle.CONTAINERS,
    **numpy_pickle.MAKERS,
    **torch_checkpoint.MAKERS,
    "dnnlib.util.EasyDict": restricted_pickle.make_dict,
    "torch_utils.persistence._reconstruct_persistent_obj": _module,
}

_STORAGE = "torch.storage._load_from_bytes"


def is_persistence_pickle(content: Any) -> bool:
    """Whether a pickle's content, not yet built, is a dictionary with a generator."""
    return isinstance(content, dict) and GENERATOR in content


def generator(content: dict, file: UserFile) -> TorchGenerator:
    """Makes the tensors of G_ema, of content for which `is_persistence_pickle` holds.

    Raises:
        PieError: the generator is no such module.
    """

    @functools.cache  # a few bytes may refer to one of them very often
    def load(blob: bytes) -> Any:
        return torch_checkpoint.read(blob, f"{file.name} (a tensor in it)")

    makers = MAKERS | {_STORAGE: lambda call: load(call.args[0])}
    module = restricted_pickle.build(content[GENERATOR], makers, file.allowance())
    found = TorchGenerator({}, {})
    problem = f"cannot be read: its {GENERATOR} is no module of modules and tensors"
    with reading.explained(file.name, problem):
        for number, (name, state) in enumerate(_modules("", module)):
            if number > _MAX_MODULES or len(name) > _MAX_NAME:
                raise ValueError("too many modules, or too long a name")
            found.attributes[name] = state
            for kind in ("_parameters", "_buffers"):
                for leaf, value in state[kind].items():
                    if value is not None:
                        found.tensors[_join(name, leaf)] = value
    return found


def _modules(name: str, module: Module) -> Iterator[tuple[str, dict[str, Any]]]:
    yield name, module.state
    for leaf, component in module.state["_modules"].items():
        if isinstance(component, Module):
            yield from _modules(_join(name, leaf), component)


def _join(name: str, leaf: str) -> str:
    return f"{name}.{leaf}" if name else leaf
