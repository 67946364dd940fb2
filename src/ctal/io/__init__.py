"""Input and output: images, videos, checkpoints, atomic writes, signals."""
