"""Portrait Image Embedding for Semantic Control (PIE) in JAX and Flax."""

import lazy_loader

__version__ = "0.1.0"

# The stub lists the public names. JAX comes with the first of them that is used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
