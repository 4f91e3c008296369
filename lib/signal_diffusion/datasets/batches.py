"""The order in which a training reads its rows: a function of (seed, epoch), nothing else."""

import numpy as np


class BatchOrder:
    """Row indices of every training step.

    An epoch is a permutation of the `n` rows; epochs follow each other without a gap, so that every batch
    is full, no row is dropped, and a batch may span two epochs. With `weights` (one non-negative number per
    row) an epoch has `n` draws too, and a row comes up `n * w / sum(w)` times on average, rounded up or
    down (systematic resampling), so that no row is over- or under-drawn by chance.
    """

    def __init__(self, n: int, batch_size: int, seed: int, weights: np.ndarray | None = None):
        if n < 1 or batch_size < 1:
            raise ValueError(f"need rows and a batch size of at least 1, got {n} and {batch_size}")
        self.n, self.batch_size, self.seed = n, batch_size, seed
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        self._epochs: dict[int, np.ndarray] = {}

    def indices(self, step: int) -> np.ndarray:
        """Rows of batch `step` (0, 1, ...), int64 [batch]."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs, places = np.divmod(positions, self.n)
        parts = [self._epoch(int(epoch))[places[epochs == epoch]] for epoch in np.unique(epochs)]
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._epochs:
            # Two epochs are enough for a batch that spans them; older ones would only fill the memory.
            self._epochs = {k: v for k, v in self._epochs.items() if k == epoch - 1}
            self._epochs[epoch] = self._draw(np.random.default_rng((self.seed, epoch)))
        return self._epochs[epoch]

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        order = rng.permutation(self.n)
        if self.weights is None:
            return order
        counts = systematic_counts(self.weights[order], self.n, rng.random())
        return rng.permutation(np.repeat(order, counts))


def systematic_counts(weights: np.ndarray, total: int, offset: float) -> np.ndarray:
    """How often each row is drawn, int64 [rows], summing to `total` (Kitagawa 1996, systematic resampling).

    `offset` in [0, 1) is the one random number; each count is its expectation rounded up or down.
    """
    edges = np.cumsum(weights) * (total / np.sum(weights))
    edges[-1] = total
    reached = np.floor(edges + offset).astype(np.int64)
    return np.diff(reached, prepend=0)


class InOrder:
    """Row indices of every training step in the order of the rows, from the start again after the last."""

    def __init__(self, n: int, batch_size: int):
        self.n, self.batch_size = n, batch_size

    def indices(self, step: int) -> np.ndarray:
        """Rows of batch `step` (0, 1, ...), int64 [batch]."""
        return np.arange(step * self.batch_size, (step + 1) * self.batch_size) % self.n
