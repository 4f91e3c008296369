"""The mathematics that every diffusing family shares: process, solvers, guidance, noise."""
