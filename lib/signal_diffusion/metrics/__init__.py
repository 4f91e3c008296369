"""How good generated spectrograms are: every number with its floor, its baselines and an interval."""
