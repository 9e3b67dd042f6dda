"""Programs of whole functions, kept between runs as they were traced.

XLA's cache keeps what was compiled, but JAX traces and lowers a function anew in each
process, which takes seconds for a network. Here the traced program lies beside the
weights as well. Its name is a digest of all that it depends on: the package's source,
JAX's version and settings, the configuration, and the arguments' shapes.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jax
from flax import traverse_util
from jax import export

from pie_jax.core.errors import PieError
from pie_jax.stack import cache

ONE_BY_ONE = {"xla_disable_hlo_passes": "fusion"}
"""Options of XLA's compiler, by which it fuses no operations."""

_AT_ONCE = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
}
"""By which XLA's CPU compiler leaves convolutions to other kernels than YNNPACK's: these
take up to 0.8 seconds to prepare when a network runs first, and are 10 % faster in the
steps of an embedding only."""

_FOLDER = "programs"
_SETTINGS = ("enable_x64", "default_matmul_precision")


class Programs:
    """The kept programs of one configuration's functions."""

    def __init__(self, depends: Any, *, keep: bool = True):
        """Begins without any.

        Args:
            depends: what of the configuration the functions depend on, beside the
                shapes of their arguments; it can be written as JSON.
            keep: whether programs are kept for other runs at all.
        """
        self._depends, self._keep = depends, keep
        self._made: dict[str, Callable] = {}

    def compiled(
        self,
        function: Callable,
        name: str,
        like: Callable[..., Any],
        *,
        one_by_one: bool = False,
        often: bool = False,
    ) -> Callable:
        """A function of pytrees of arrays, compiled once.

        Inside another function that is traced it is the function itself: `vmap` and
        `grad` apply to it as to any other.

        Args:
            function: pure; the same whenever this name is asked for.
            name: unique within the package.
            like: `(*args) -> tree`, of the structure of what the function gives.
            one_by_one: round after each operation, as where they are dispatched one by
                one; XLA adds a product without rounding it first.
            often: it runs so often that the time of its first run does not count.
        """
        if name not in self._made:
            compiled = jax.jit(function)
            options = {} if often else dict(_at_once())
            if one_by_one:
                options |= ONE_BY_ONE
            kept = _kept(compiled, [name, self._depends], like, options)
            self._made[name] = kept if self._keep else compiled
        return self._made[name]


def layout(init: Callable, name: str, sizes: tuple) -> dict[str, Any]:
    """Names, shapes and types of a network's parameters, kept like programs.

    Args:
        init: `(key, *sizes) -> params`.
        name: of the network, unique within the package.
        sizes: how large it is.
    """
    file = _file(["layout", name, sizes], ".json")
    try:
        kept = json.loads(file.read_bytes())
        flat = {
            k: jax.ShapeDtypeStruct(shape, dtype) for k, (shape, dtype) in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        # Absent, or damaged in any way: it is made anew.
        tree = jax.eval_shape(lambda: init(jax.random.key(0), *sizes))
        flat = traverse_util.flatten_dict(tree, sep="/")
        told = {k: [x.shape, str(x.dtype)] for k, x in flat.items()}
        _keep(file, json.dumps(told).encode())
    return traverse_util.unflatten_dict(flat, sep="/")


def _kept(
    compiled: Callable, depends: list, like: Callable[..., Any], options: Any
) -> Callable:
    programs: dict[Any, Callable] = {}

    def kept(*args: Any) -> Any:
        leaves, tree = jax.tree.flatten(args)
        if any(isinstance(x, jax.core.Tracer) for x in leaves):
            return compiled(*args)
        shapes = tuple((x.shape, str(x.dtype)) for x in map(jax.typeof, leaves))
        if (tree, shapes) not in programs:

            def flat(*leaves: Any) -> list:
                return jax.tree.leaves(compiled(*jax.tree.unflatten(tree, leaves)))

            file = _file([*depends, str(tree), shapes])
            call = _load(file, flat, leaves).call
            programs[tree, shapes] = jax.jit(call, compiler_options=options)
        # Arguments may be known while what is around is traced.
        with jax.ensure_compile_time_eval():
            found = programs[tree, shapes](*leaves)
        return jax.tree.unflatten(jax.tree.structure(like(*args)), found)

    return kept


@functools.cache
def _at_once() -> dict[str, str]:
    """The options with which a first run takes little time, where XLA knows them."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=_AT_ONCE)()
    except Exception:  # noqa: BLE001  an experiment of this XLA, gone in another
        return {}
    return _AT_ONCE


def _load(file: Path, flat: Callable, leaves: list) -> export.Exported:
    """The program from its file, or traced, and kept where that is possible."""
    try:
        return export.deserialize(bytearray(file.read_bytes()))
    except Exception:  # noqa: BLE001  absent, or damaged in any way: it is made anew
        exported = export.export(jax.jit(flat))(*leaves)
    _keep(file, bytes(exported.serialize()))
    return exported


def _keep(file: Path, content: bytes) -> None:
    try:
        cache.write(file, content)
    except PieError:
        pass  # the cache cannot be written: the next run makes it again


def _file(depends: list, suffix: str = ".stablehlo") -> Path:
    settings = [
        jax.__version__,
        jax.default_backend(),
        *(getattr(jax.config, f"jax_{name}") for name in _SETTINGS),
    ]
    text = json.dumps([_source(), settings, *depends])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return cache.cache_dir() / _FOLDER / f"{digest}{suffix}"


@functools.cache
def _source() -> str:
    """A digest of the package's source."""
    digest = hashlib.sha256()
    with resources.as_file(resources.files("pie_jax")) as folder:
        for file in sorted(folder.rglob("*.py")):
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
