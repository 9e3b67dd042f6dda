r"""Embeds portraits in 260 Adam steps, first in W, then in W+, on the open stack.

pie embed face.jpg --out embedded
python -m experiments.embed --config=configs/default.py --workdir=embedded face.jpg
"""

from ml_collections import ConfigDict
from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    # Measured on ride.jpg, jemison.jpg and glover.jpg; the pixel term has the paper's
    # weight.
    # - perceptual: at 1e-6, the paper's weight for its own network, it is 50 times the
    #   pixel term and weaves a fine grid into skin; at 1e-8 hair turns to fog. At 3e-8
    #   it is four times the pixel term.
    # - recognition: at 100 it barely counts, for squared distances are below 0.5; at
    #   1000 it ends below 20.
    # - prior: with 0 glover's w alone is at nine times a code's usual squared distance
    #   from the mean, and a grid of period 4 lies on the shaded cheek. With 300 or
    #   more the grid is gone; the distance ends at 0.2 to 0.4.
    # - spread: with 3000 (and prior 500) a faint grid remains in ride's dark hair,
    #   25.5 dB after 20 + 180 steps; with 1e4 it is gone.
    config.energy = ConfigDict(
        {
            "pixel": 1e-6,
            "perceptual": 3e-8,
            "recognition": 1000.0,
            "prior": 1000.0,
            "spread": 1e4,
        }
    )
    # Steps are standard deviations of w along its principal axes. In the coordinates
    # of w itself Adam steps as far along axes in which no code varies as along the
    # others: with the same prior, glover ends at an energy of 2609 after 30 + 90 steps
    # (0.1 and 0.05), against 2270 in principal coordinates (0.05 and 0.12).
    config.stages = (
        common.stage(
            space="w",
            num_steps=40,
            optimizer="adam_short",
            step_size=0.05,
            schedule="plateau",
            coordinates="principal",
        ),
        common.stage(
            space="w_plus",
            num_steps=220,
            optimizer="adam_short",
            step_size=0.15,
            schedule="plateau",
            coordinates="principal",
        ),
    )
    return config
