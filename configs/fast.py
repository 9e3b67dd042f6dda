r"""Embeds portraits in a third of the default's steps: from the encoder's estimate, by an
optimiser that knows how the energy curves.

pie embed face.jpg --out embedded --config fast
"""

from ml_collections import ConfigDict
from pie_jax.configs import common, default


def get_config() -> ConfigDict:
    config = default.get_config()
    config.start = "encoder"
    # From the start on, "quasi_newton" leaves glover.jpg in a poor valley, with an outline
    # that belongs to hair (25.5 dB; 27.7 dB after ten small steps of Adam), and brings
    # carter.jpg to 22.9 dB instead of 23.9 dB. In 20 such steps with a size of 0.04 to
    # 0.25, or 10 with 0.15, glover comes to the same, kennedy.jpg to less. A memory of 40
    # pairs, and more of the curvature assumed beforehand (`embedding.curvature`), cost
    # kennedy 0.2 and 0.3 dB.
    config.stages = (
        common.stage(
            space="w_plus",
            num_steps=10,
            optimizer="adam_short",
            step_size=0.06,
            schedule="plateau",
            coordinates="principal",
        ),
        common.stage(
            space="w_plus",
            num_steps=76,
            optimizer="quasi_newton",
            step_size=0.1,
            schedule="adaptive",
            coordinates="curvature",
        ),
    )
    return config
