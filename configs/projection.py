r"""Only the photograph, not its edits: E_syn and recognition, 220 Adam steps, first in W,
then in W+, and 80 that tune the generator. For generators that there are no rigs for.

pie embed face.jpg --out embedded --config projection
"""

from ml_collections import ConfigDict

from pie_jax.configs import common


def get_config() -> ConfigDict:
    config = common.get_config()
    # The pixel term has the paper's weight. Figures: docs/measurements.md.
    # - perceptual: more weaves a fine grid into skin, less turns hair to fog.
    # - recognition: with less it barely counts, for squared distances are small.
    # - prior, spread: with less a grid remains on shaded cheeks, and in dark hair.
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
    # others, and ends at a higher energy.
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
            num_steps=180,
            optimizer="adam_short",
            step_size=0.15,
            schedule="plateau",
            coordinates="principal",
        ),
        common.generator_stage(),
    )
    return config
