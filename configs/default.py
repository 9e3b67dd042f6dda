r"""Embeds portraits in 240 Adam steps, first in W, then in W+, on the open stack.

pie embed face.jpg --out embedded
python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict
from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    # Measured on jemison.jpg. The perceptual term at 1e-6, the paper's weight for its
    # own network, is 50 times the pixel term and weaves a fine grid into skin (after 40
    # steps); at 1e-8 the two end alike (538 and 345 after 300 steps) and the grid goes.
    # Recognition at 100 barely counts, for squared distances are below 0.5; at 1000 it
    # ends at 7, a distance of 0.12.
    config.energy = ConfigDict(
        {"pixel": 1e-6, "perceptual": 1e-8, "recognition": 1000.0}
    )
    # On ride.jpg W gains little after 40 steps, W+ most of its PSNR, and larger steps
    # with a short memory most of all (`pie_jax.embedding.stages`): 24.0 dB after 30 + 70
    # steps, against 24.1 dB after 100 + 200 of plain Adam at 0.05 and 0.03.
    config.stages = (
        common.stage(
            space="w",
            num_steps=50,
            optimizer="adam_short",
            step_size=0.1,
            schedule="plateau",
        ),
        common.stage(
            space="w_plus",
            num_steps=190,
            optimizer="adam_short",
            step_size=0.05,
            schedule="plateau",
        ),
    )
    return config
