"""Diffusion runs: training task, text conditioning, generation, evaluation and the published model."""
