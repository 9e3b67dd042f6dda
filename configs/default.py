r"""Embeds portraits in 300 Adam steps, first in W, then in W+, on the open stack.

pie embed face.jpg --out embedded
python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict
from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    # Measured on ride.jpg and jemison.jpg; the pixel term has the paper's weight.
    # - perceptual: at 1e-6, the paper's weight for its own network, it is 50 times the
    #   pixel term and weaves a fine grid into skin; at 1e-8 hair turns to fog. At 3e-8
    #   it is four times the pixel term.
    # - recognition: at 100 it barely counts, for squared distances are below 0.5; at
    #   1000 it ends at 7 on both, distances of 0.10 and 0.12.
    # - spread: with 0 (and perceptual 1e-8) ride's style inputs end apart by a variance
    #   of 0.15 (w itself: 0.2) and eyes, teeth and hair blur, though PSNR is higher,
    #   26.4 dB after 50 + 190 steps. With perceptual 3e-8, after 30 + 90 steps: 24.5 dB
    #   at 3000, 24.2 dB at 20000, which looks best.
    config.energy = ConfigDict(
        {"pixel": 1e-6, "perceptual": 3e-8, "recognition": 1000.0, "spread": 1e4}
    )
    # W gains little after 40 steps, W+ most of its PSNR, and larger steps with a short
    # memory most of all (`pie_jax.embedding.stages`): without spread 24.0 dB after
    # 30 + 70 steps, against 24.1 dB after 100 + 200 of plain Adam at 0.05 and 0.03.
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
            num_steps=250,
            optimizer="adam_short",
            step_size=0.05,
            schedule="plateau",
        ),
    )
    return config
