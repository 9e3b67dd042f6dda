"""Pictures of codes in files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.stack import assembly, uses
from pie_jax.stack.load import load
from pie_jax.workflows import inputs


def synthesize(
    code: Path,
    out: Path,
    config: str | None = None,
    overrides: Sequence[str] = (),
    *,
    space: str | None = None,
) -> None:
    """Synthesises one image, or several from a file of several codes.

    Args:
        code: a folder or a file.
        out: a PNG, or several with numbers for several codes; or one .npy.
        config: of the code's generator; a folder's own without it.
        overrides: `--config.a.b=value`.
        space: see `io.codes.to_w_plus`.

    Raises:
        PieError: something cannot be read or written, or no image comes of a code.
    """
    # What can be told from the names is told before anything is fetched.
    images.check_destination(out, (".png", ".npy"))
    values = inputs.load_config(code, config, overrides)
    if out.exists() and out.samefile(code):
        raise PieError(f"{out}: would replace the code; choose another name")
    stack = load(values, uses.SYNTHESIZE)
    found = inputs.load_codes(code, stack.functions, space)
    num = len(found.w_plus)
    synthesis = assembly.synthesis(stack.functions.generator, stack.functions.programs)
    raw = out.suffix.lower() == ".npy"
    kept = []
    for i in tqdm(range(num), unit="image", disable=num == 1):
        params = assembly.tuned(stack, found.of(i)).params.generator
        image = np.asarray(synthesis(params, found.w_plus[i : i + 1]))[0]
        if not np.isfinite(image).all():
            raise PieError(f"{code}: lies so far out that no image comes of it")
        if raw:
            kept.append(image)
            continue
        name = f"{out.stem}-{i}.png" if num > 1 else out.name
        images.write_png(out.with_name(name), images.to_u8(image))
    if raw:
        images.write_npy(out, np.stack(kept))
