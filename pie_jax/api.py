"""The public functions: from photographs and codes as arrays to codes and pictures.

A `Stack` is what a configuration describes with its parameters. It is a pytree, so it
can be an argument of compiled functions. All pictures are RGB and in the FFHQ frame; B
is the number of portraits, N the generator's number of style inputs, R its resolution.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from ml_collections import ConfigDict

from pie_jax.core.errors import PieError
from pie_jax.core.interfaces import Generator
from pie_jax.core.theta import COMPONENTS, FaceParams
from pie_jax.editing import edit as editing
from pie_jax.editing import refine as refine_code
from pie_jax.editing.edit import Seen
from pie_jax.editing.targets import Amount
from pie_jax.embedding.solver import embedding_solver
from pie_jax.io import codes, images
from pie_jax.io.codes import Codes
from pie_jax.networks import tuning
from pie_jax.photos import portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import assembly, configuration, fetch, networks, uses
from pie_jax.stack import load as loading
from pie_jax.stack.assembly import Stack
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.stack.uses import Use
from pie_jax.workflows import inputs, refining, requests
from pie_jax.workflows.measure import measure
from pie_jax.workflows.optimize import optimize
from pie_jax.workflows.requests import Request

OWN = "own"
"""What a configuration calls a generator that the caller brings."""


@struct.dataclass
class Embedding:
    """What `embed` finds for B portraits.

    Attributes:
        w_plus: `[B, N, 512]`, the codes.
        image: `[B, R, R, 3]` in about [-1, 1], the generator's pictures of them.
        change: what the generator was changed by for each, arrays `[B, ...]` by name, for
            `tuned`; None if the configuration does not tune it.
        terms: `[B]` each, the energy (`total`) and its unweighted terms by name.
        trace: `[steps, B]` each, the same in every step.
        metrics: `[B]` each: `psnr` in dB, `ssim`, and `recognition_distance`, which is
            NaN where the configuration has no recognition network or no face is found.
    """

    w_plus: Array
    image: Array
    change: dict[str, Array] | None
    terms: dict[str, Array]
    trace: dict[str, Array]
    metrics: dict[str, Array]


def load(
    config: str | ConfigDict = configuration.DEFAULT,
    overrides: Sequence[str] = (),
    *,
    generator: Generator | None = None,
    params: Any = None,
) -> Stack:
    """Loads a configuration for all that it can do, fetching weights that are missing.

    Args:
        config: a name that ships with the package ("default", "fast", ...), an
            ml-collections file, or a `ConfigDict`.
        overrides: `config.a.b=value` each, as on the command line.
        generator: one of your own, in the place of the configuration's, which must not
            ask for what belongs to another ("projection" does not).
        params: its parameters: any pytree with `w_avg` `[512]`, its mean w.

    Returns:
        Functions and parameters. Edits are possible of the components for which there
        are rigs of this generator (`config.files.rig_rotation`, ...).

    Raises:
        PieError: the configuration names what does not exist, or fetching failed.
    """
    flags = [f"--{x.removeprefix('--')}" for x in overrides]
    if isinstance(config, str):
        config = configuration.load(config, flags)
    elif flags:
        raise PieError("overrides belong to a configuration that is named; set values")
    if generator is not None:
        config = config.copy_and_resolve_references()
        config.generator = OWN
    installed = config.generator in (networks.RIGGED, "testing")
    editable = [
        component
        for component in COMPONENTS
        if config.mofa and config.rig
        if installed or config.files[f"rig_{component}"]
    ]
    parts = uses.edit().parts if config.mofa else ("generator",)
    use = Use(True, tuple(editable), parts, refine=bool(editable))
    return loading.load(config, use, own=generator, own_params=params)


def align(
    photos: Sequence[str | Path | np.ndarray], face: int | None = None
) -> np.ndarray:
    """Cuts faces out of photographs as FFHQ does.

    Args:
        photos: files, or `[H, W, 3]` uint8 RGB arrays of any sizes.
        face: which face of each, counted from 1 by size; the largest without it.

    Returns:
        `[B, 1024, 1024, 3]` uint8.

    Raises:
        PieError: a photograph cannot be read, or has no such face.
    """
    fetch.ensure(LANDMARKS68)
    aligned = []
    for index, photo in enumerate(photos):
        name = f"photograph {index}" if isinstance(photo, np.ndarray) else str(photo)
        photo_u8 = photo if isinstance(photo, np.ndarray) else images.read(photo)
        aligned.append(portraits.from_photo(photo_u8, name, face).aligned_u8)
    return np.stack(aligned)


def embed(stack: Stack, pictures: np.ndarray | Array) -> Embedding:
    """Finds the codes of portraits (PIE, sec. 4), with a progress bar.

    Args:
        stack: from `load`; `config.batch_size` portraits are optimised at once.
        pictures: `[B, S, S, 3]`, aligned: uint8, or float in [-1, 1].

    Returns:
        Codes, pictures, terms and metrics; a pytree.

    Raises:
        PieError: another shape or type, no face where landmarks are needed, or an
            energy that is not finite.
    """
    found = _portraits(stack, pictures)
    size = stack.functions.config.batch_size
    groups = [found[i : i + size] for i in range(0, len(found), size)]
    parts = [_embed(stack, x, f"group {i}") for i, x in enumerate(groups, start=1)]

    def joined(name: str, axis: int = 0) -> Any:
        values = [getattr(part, name) for part in parts]
        return jax.tree.map(lambda *x: jnp.concatenate(x, axis), *values)

    return Embedding(
        joined("w_plus"),
        joined("image"),
        joined("change"),
        joined("terms"),
        joined("trace", axis=1),
        joined("metrics"),
    )


def _embed(stack: Stack, group: Sequence[Portrait], label: str) -> Embedding:
    target = portraits.to_targets(group, stack.functions.generator.resolution)
    found = optimize(stack, target, label)
    kept = Codes(np.asarray(found.w_plus), found.codes.get(codes.CHANGE))
    shown = [
        synthesize(tuned(stack, kept.of(i)), found.w_plus[i : i + 1])
        for i in range(len(group))
    ]
    image = jnp.concatenate(shown)
    measured = [
        measure(images.to_u8(np.asarray(x)), portrait, stack)
        for x, portrait in zip(image, group, strict=True)
    ]
    metrics = {
        name: jnp.asarray(np.array([x[name] for x in measured], np.float32))  # no None
        for name in measured[0]
    }
    change, terms, trace = (
        jax.tree.map(jnp.asarray, x) for x in (kept.change, found.standing, found.trace)
    )
    return Embedding(found.w_plus, image, change, terms, trace, metrics)


def prepare(stack: Stack, pictures: np.ndarray | Array) -> Any:
    """What the energy compares codes with, computed once for each portrait.

    Args:
        stack: from `load`.
        pictures: as `embed` takes them.

    Returns:
        A pytree for `evaluate`; its leaves have a leading axis B.

    Raises:
        PieError: as `embed`.
    """
    resolution = stack.functions.generator.resolution
    target = portraits.to_targets(_portraits(stack, pictures), resolution)
    functions = stack.functions
    solver = embedding_solver(functions.energy, functions.stages[0])
    return solver.prepare(stack.params, target)


def evaluate(
    stack: Stack, prepared: Any, w_plus: Array, key: Array | None = None
) -> tuple[Array, dict[str, Array]]:
    """The energy of codes, E(w) (PIE, eq. 6), and its terms.

    It is pure: `jit`, `vmap` and `grad` apply.

    Args:
        stack: from `load`.
        prepared: from `prepare`.
        w_plus: `[B, N, 512]`.
        key: of v, which terms that edit, and `locality`, draw with the first stage's
            sampler; always the same one without it.

    Returns:
        `[B]`, the weighted sums; and `[B]` each, the unweighted terms by name.
    """
    key = jax.random.key(0) if key is None else key
    functions, params = stack.functions, stack.params
    draw = functions.stages[0].draw
    v = draw(params, key) if draw else None
    return jax.vmap(functions.energy.value, (None, 0, 0, None))(
        params, prepared, w_plus, v
    )


def tuned(stack: Stack, change: tuning.Part | None) -> Stack:
    """The stack with the generator as it was tuned to one portrait.

    It is pure: `vmap` over `Embedding.change` gives each portrait its own generator.

    Args:
        stack: from `load`.
        change: `Embedding.change` of one portrait, without the leading axis; None leaves
            the generator as it is.

    Raises:
        PieError: the change is another generator's.
    """
    return assembly.tuned(stack, change)


def synthesize(stack: Stack, w_plus: Array) -> Array:
    """The generator's pictures of codes.

    Args:
        stack: from `load`.
        w_plus: `[B, N, 512]`.

    Returns:
        `[B, R, R, 3]` in about [-1, 1].
    """
    functions = stack.functions
    synthesis = assembly.synthesis(functions.generator, functions.programs)
    return synthesis(stack.params.generator, w_plus)


def look(stack: Stack, w_plus: Array) -> Seen:
    """Codes as they are: their pictures, and the faces in them.

    Args:
        stack: from `load`.
        w_plus: `[B, N, 512]`.

    Raises:
        PieError: the configuration has no MoFA.
    """
    return editing.look(_editor(stack), stack.params, w_plus)


def edit(
    stack: Stack,
    portrait: Seen,
    *,
    yaw: Any = None,
    pitch: Any = None,
    expression: Mapping[str, Any] | None = None,
    light: Mapping[str, Any] | None = None,
    colour: Any = None,
    target: FaceParams | None = None,
    components: Sequence[str] = (),
    rounds: int = 1,
    refine: int = 0,
) -> Seen:
    """Edits portraits with rigs (PIE, sec. 5).

    It is pure: `jit`, and `vmap` over amounts, apply. What is not named stays.

    Args:
        stack: from `load`.
        portrait: from `look`, or an edit before, whose expression is seen anew; B
            portraits.
        yaw: degrees, positive turns the nose to the viewer's right; a number, or an
            array `[]` or `[B]`, or an `Amount` that is added to what is there. So are all
            others.
        pitch: degrees, positive looks up.
        expression: amounts by name of ARKit's units (`jawOpen`), or of `smile`,
            `blink`, ...
        light: amounts of `azimuth` and `elevation` (degrees), `strength`, `intensity`.
        colour: `[3]`, RGB in [0, 1], of a filter before the light.
        target: `[B]`, other values than the portrait's own to begin with.
        components: which of the target's are edited besides those that are named.
        rounds: of feedback.
        refine: steps of descent from the rigs' answer (`editing.refine`), which compare
            with the portrait's picture; `editing.refine.STEPS` are enough.

    Returns:
        The edited portraits.

    Raises:
        PieError: there is no MoFA, or no rig of a component.
        ValueError: a name that is unknown.
    """
    named = {"yaw": yaw, "pitch": pitch, **(expression or {}), **(light or {})}
    amounts = {
        name: value if isinstance(value, Amount) else Amount(value)
        for name, value in named.items()
        if value is not None
    }
    request = Request(amounts, colour=colour)
    editor, own = _editor(stack), portrait.theta if target is None else target
    wanted = {*request.components(), *components}
    groups = [[component] for component in COMPONENTS if component in wanted]
    if lacking := wanted - editor.rigs.keys():
        raise PieError(
            f"there is no rig for {', '.join(sorted(lacking))} in this configuration"
        )
    aim = requests.target(request, stack.params.face_model, own, {})
    edited = editing.edit(editor, stack.params, portrait, aim, groups, rounds)
    if not refine or not wanted:
        return edited
    w_plus = _refined(stack, portrait, aim, edited, refine_code.noticed(wanted), refine)
    like = editing.reference(portrait, edited, wanted)
    return editing.look(editor, stack.params, w_plus, portrait, like)


def _refined(
    stack: Stack,
    portrait: Seen,
    target: FaceParams,
    edited: Seen,
    noticed: dict[str, float],
    num_steps: int,
) -> Array:
    looks, params = refining.looks(stack.functions), stack.params
    seen = refine_code.known(looks, params, portrait)
    everywhere = jnp.ones((len(edited.image), 1, 1))
    aimed = editing.asked(portrait, target)
    pictures = portrait.image, aimed, edited, edited.image, everywhere
    aim = refine_code.aim(looks, params, portrait, seen, *pictures, noticed)
    return refine_code.refined(looks, params, aim, num_steps)


def save(
    folder: str | Path,
    stack: Stack,
    w_plus: np.ndarray | Array,
    change: tuning.Part | None = None,
) -> None:
    """Keeps codes with the name of their generator, as an Orbax checkpoint.

    `orbax.checkpoint` alone reads them: `StandardCheckpointer().restore(folder / "code")`
    gives `{"w_plus": [B, N, 512]}`, with the change as `change`.

    Args:
        folder: replaced where it is.
        stack: whose codes they are.
        w_plus: `[B, N, 512]`.
        change: `Embedding.change`.

    Raises:
        PieError: it cannot be written.
    """
    functions = stack.functions
    origin = {"generator": functions.config.generator, "files": functions.origins}
    kept: codes.Code = {"w_plus": np.asarray(w_plus, np.float32)}
    if change is not None:
        kept[codes.CHANGE] = {k: np.asarray(x) for k, x in change.items()}
    codes.save(Path(folder), kept, origin)


def restore(folder: str | Path, stack: Stack) -> Codes:
    """Reads codes that `save` or `pie embed` wrote.

    Args:
        folder: theirs.
        stack: its generator must be theirs.

    Returns:
        `w_plus` `[B, N, 512]`, and `change` as in `Embedding`.

    Raises:
        PieError: no code is there, it is damaged, or another generator's.
    """
    found = inputs.load_codes(Path(folder), stack.functions)
    return jax.tree.map(jnp.asarray, found)


def _editor(stack: Stack) -> editing.Editor:
    if stack.functions.editor is None:
        raise PieError("faces are seen by MoFA, and config.mofa is empty")
    return stack.functions.editor


def _portraits(stack: Stack, pictures: np.ndarray | Array) -> list[Portrait]:
    array = np.asarray(pictures)
    if array.ndim != 4 or array.shape[-1] != 3 or array.shape[1] != array.shape[2]:
        raise PieError(
            f"pictures have shape {array.shape}; expected [B, S, S, 3], aligned as "
            "`pie_jax.align` gives them"
        )
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating) or np.abs(array).max() > 1:
            raise PieError("pictures must be uint8, or floats in [-1, 1]")
        array = images.to_u8(array)
    wanted = uses.needs_landmarks(stack.functions.config)
    if wanted:
        fetch.ensure(LANDMARKS68)
    return [
        portraits.from_aligned(image_u8, f"picture {i}", landmarks=wanted)
        for i, image_u8 in enumerate(array)
    ]
