"""Portrait Image Embedding for Semantic Control (PIE) in JAX and Flax."""

__version__ = "0.1.0"
