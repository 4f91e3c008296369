"""Shards to datasets: labels, captions, subject splits, ranges, weights, storage, export."""
