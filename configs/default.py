r"""Embeds portraits in 300 Adam steps, first in W, then in W+, on the open stack.

    pie embed face.jpg --out embedded
    python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict
from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    config.energy = ConfigDict(
        {"pixel": 1e-6, "perceptual": 1e-8, "recognition": 1000.0, "prior": 100.0}
    )
    config.stages = (
        common.stage(
            space="w", num_steps=120, optimizer="adam", step_size=0.05,
            schedule="cosine",
        ),
        common.stage(
            space="w_plus", num_steps=180, optimizer="adam", step_size=0.03,
            schedule="cosine",
        ),
    )
    return config
