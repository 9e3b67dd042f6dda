r"""Only the photograph, not its edits, in half of the default's time: by an optimiser that
knows how the energy curves.

pie embed face.jpg --out embedded --config fast
"""

from ml_collections import ConfigDict

from pie_jax.configs import common, projection


def get_config() -> ConfigDict:
    config = projection.get_config()
    config.start = "encoder"
    config.stages = (
        common.first_stage(),
        common.stage(
            space="w_plus",
            num_steps=78,
            optimizer="quasi_newton",
            step_size=0.1,
            schedule="adaptive",
            coordinates="curvature",
        ),
        common.generator_stage(),
    )
    return config
