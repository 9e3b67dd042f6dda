r"""The paper's schedule on the open stack: ADADELTA, 2000 steps in W, 1000 in W+.

pie embed face.jpg --out embedded --config paper_schedule
"""

from ml_collections import ConfigDict

from pie_jax.configs import common, projection


def get_config() -> ConfigDict:
    config = projection.get_config()
    # PIE, section 4.4: step sizes 50 and 10, each times 0.1 ^ (t / 2000).
    config.stages = (
        common.stage(
            space="w",
            num_steps=2000,
            optimizer="adadelta",
            step_size=50.0,
            schedule="exponential",
        ),
        common.stage(
            space="w_plus",
            num_steps=1000,
            optimizer="adadelta",
            step_size=10.0,
            schedule="exponential",
        ),
    )
    return config
