r"""Embeds portraits in 300 Adam steps, first in W, then in W+, on the open stack.

pie embed face.jpg --out embedded
python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict
from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    # Found on jemison.jpg, 100 to 300 steps. The perceptual term at 1e-6, the paper's
    # weight for its own network, is 50 times the pixel term and weaves a fine grid into
    # skin; at 1e-8 the two are alike (540 and 345 after 300 steps, 27.7 dB). Recognition
    # at 100 barely counts (squared distances are below 0.3); at 1000 the distance falls
    # to 0.12, at a cost in PSNR too small to measure.
    config.energy = ConfigDict(
        {"pixel": 1e-6, "perceptual": 1e-8, "recognition": 1000.0}
    )
    config.stages = (
        common.stage(
            space="w",
            num_steps=100,
            optimizer="adam",
            step_size=0.05,
            schedule="cosine",
        ),
        common.stage(
            space="w_plus",
            num_steps=200,
            optimizer="adam",
            step_size=0.03,
            schedule="cosine",
        ),
    )
    return config
