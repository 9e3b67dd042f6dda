r"""Embeds portraits in 86 Adam steps in W+, from the encoder's estimate.

pie embed face.jpg --out embedded --config from_encoder
"""

from ml_collections import ConfigDict
from pie_jax.configs import common, default


def get_config() -> ConfigDict:
    config = default.get_config()
    config.start = "encoder"
    config.stages = (
        common.stage(
            space="w_plus",
            num_steps=86,
            optimizer="adam_short",
            step_size=0.15,
            schedule="plateau",
            coordinates="principal",
        ),
    )
    return config
