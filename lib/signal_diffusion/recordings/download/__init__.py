"""Downloading a published dataset: whole, verified, and on from wherever an earlier attempt ended."""
