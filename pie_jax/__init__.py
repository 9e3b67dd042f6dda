"""PIE (Portrait Image Embedding for Semantic Control) in JAX and Flax."""

__version__ = "0.1.0"
