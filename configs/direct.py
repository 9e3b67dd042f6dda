r"""PIE's whole energy directly in W+, without a stage in W before (PIE, sec. 5.1, "direct").

pie embed face.jpg --out direct --config direct
"""

from ml_collections import ConfigDict

from pie_jax.configs import default


def get_config() -> ConfigDict:
    config = default.get_config()
    # As many steps as both stages of default.py have before it tunes the generator.
    first, second, *rest = config.stages
    second.num_steps += first.num_steps
    config.stages = (second, *rest)
    return config
