r"""The baseline of PIE's evaluation: the synthesis energy alone, directly in W+.

Abdal et al., "Image2StyleGAN: How to Embed Images Into the StyleGAN Latent Space?",
ICCV 2019, with the default configuration's iterations and weights.

pie embed face.jpg --out baseline --config image2stylegan
"""

from ml_collections import ConfigDict

from pie_jax.configs import common, default


def get_config() -> ConfigDict:
    config = default.get_config()
    weights = config.energy
    config.energy = ConfigDict(
        {"pixel": weights.pixel, "perceptual": weights.perceptual}
    )
    config.start = "mean"
    # In the coordinates of w, as there; its 0.01 is meant for 5000 steps.
    config.stages = (
        common.stage(
            space="w_plus",
            num_steps=sum(stage.num_steps for stage in config.stages),
            optimizer="adam_short",
            step_size=0.05,
            schedule="plateau",
        ),
    )
    return config
