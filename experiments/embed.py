r"""Embeds photographs as an ml-collections experiment; the same as `pie embed`.

    python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
    python -m experiments.embed --config=configs/default.py --workdir=embedded \
        "--config.stages[1].num_steps=60" face.jpg
"""

from collections.abc import Sequence
from pathlib import Path

from absl import app, flags
from ml_collections import config_flags

from pie_jax.core.errors import PieError
from pie_jax.stack import huge_pages
from pie_jax.workflows import embed

_CONFIG = config_flags.DEFINE_config_file("config", "configs/default.py")
_WORKDIR = flags.DEFINE_string("workdir", "embedded", "Folder of the results.")
_ALIGNED = flags.DEFINE_bool("aligned", False, "The photographs are aligned already.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace results of other runs.")


def main(argv: Sequence[str]) -> int:
    """Embeds the photographs named on the command line."""
    photos = [Path(argument) for argument in argv[1:]]
    if not photos:
        raise app.UsageError("name at least one photograph")
    try:
        outcome = embed.embed_photos(
            photos,
            Path(_WORKDIR.value),
            _CONFIG.value,
            aligned=_ALIGNED.value,
            overwrite=_OVERWRITE.value,
        )
    except (PieError, OSError) as error:
        raise SystemExit(f"embed: {error}")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    huge_pages.restart()
    app.run(main)
