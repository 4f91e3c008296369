"""What a classifier minimises. A row whose label is unknown (NaN) counts for the other tasks alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from signal_diffusion.config.classification_training import Losses
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.targets import Codes, Target


class TaskLosses:
    """The loss of each task, by the run's [training] and the labels of its training rows.

    Args:
        codes: of the training rows, for class weights; float [rows] per task, NaN where unknown.
        drawn: how often each training row is drawn, relative to the others; None for all alike.
    """

    def __init__(
        self, config: Losses, targets: Sequence[Target], codes: Codes, drawn: np.ndarray | None = None
    ):
        self._config, self._targets = config, list(targets)
        self._class_weights = {
            t.name: _class_weights(config, t, codes[t.name], drawn) for t in targets if t.classes
        }
        self._alphas = {t.name: _alpha(config, t) for t in targets if t.name in config.focal_tasks}

    def each(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per task, from logits [batch, classes] or numbers [batch, 1] and codes or numbers [batch]."""
        return {t.name: self._one(t, outputs[t.name].float(), labels[t.name]) for t in self._targets}

    def total(self, each: Mapping[str, Tensor], log_variances: Tensor | None = None) -> Tensor:
        """The sum of weight times loss; learned weights make each loss count by its task's uncertainty.

        Kendall et al. 2018, equations 7 and 10, s = log of the variance: exp(-s) loss + s / 2 for classes, and half
        the first term for numbers, on which `task_weights` are factors.
        """
        weights = self._config.task_weights
        parts = []
        for place, target in enumerate(self._targets):
            loss = each[target.name]
            if log_variances is not None:
                s = log_variances[place]
                loss = (1.0 if target.classes else 0.5) * torch.exp(-s) * loss + s / 2
            parts.append(weights.get(target.name, 1.0) * loss)
        return torch.stack(parts).sum()

    def _one(self, target: Target, output: Tensor, label: Tensor) -> Tensor:
        known = ~label.isnan()
        output, label = output[known], label[known]
        if not len(label):
            return output.sum()  # 0, and a part of the graph
        if not target.classes:
            wanted = (label - target.mean) / target.std
            return F.huber_loss(output[:, 0], wanted, delta=self._config.huber_delta)
        weights = self._class_weights[target.name]
        weights = None if weights is None else weights.to(output)
        smoothing = self._config.label_smoothing
        if target.name in self._alphas:
            alpha = self._alphas[target.name].to(output)
            return focal_loss(output, label.long(), self._config.focal_gamma, alpha, smoothing, weights)
        return F.cross_entropy(output, label.long(), weights, label_smoothing=smoothing)


def focal_loss(
    logits: Tensor,
    codes: Tensor,
    gamma: float,
    alpha: Tensor,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean of alpha[code] (1 - p)^gamma times cross-entropy, p the probability of the true class.

    Lin et al. 2017, equation 5, with an alpha for each class [classes]; logits [batch, classes], codes int64 [batch].
    Gamma 0 and alpha 1 is cross-entropy. `weights` are averaged over as torch's cross-entropy does.
    """
    entropy = F.cross_entropy(logits, codes, label_smoothing=smoothing, reduction="none")
    p = logits.softmax(dim=1).gather(1, codes[:, None])[:, 0]
    # At p = 1 the slope of a power below 1 is infinite.
    losses = alpha[codes] * (1 - p).clamp(min=torch.finfo(p.dtype).eps) ** gamma * entropy
    if weights is None:
        return losses.mean()
    return (weights[codes] * losses).sum() / weights[codes].sum()


def balanced_weights(codes: np.ndarray, classes: int, drawn: np.ndarray | None = None) -> np.ndarray:
    """n / (classes that occur * windows of the class), 0 for a class that does not occur; float64 [classes].

    A window counts as often as it is `drawn`, float [rows], or once.
    """
    counts = np.bincount(codes.astype(np.int64), drawn, classes).astype(np.float64)
    occurs = counts > 0
    return np.where(occurs, counts.sum() / (np.count_nonzero(occurs) * np.where(occurs, counts, 1)), 0.0)


def _class_weights(
    config: Losses, target: Target, codes: np.ndarray, drawn: np.ndarray | None
) -> Tensor | None:
    if config.class_weights == "none":
        return None
    known = ~np.isnan(codes)
    drawn = None if drawn is None else drawn[known]
    return torch.from_numpy(balanced_weights(codes[known], len(target.classes), drawn)).float()


def _alpha(config: Losses, target: Target) -> Tensor:
    if not target.classes:
        raise UserError(f"training.focal_tasks: {target.name} is a number; the focal loss is for classes")
    alpha = config.focal_alpha.get(target.name, [1.0] * len(target.classes))
    if len(alpha) != len(target.classes):
        raise UserError(
            f"training.focal_alpha.{target.name}: found {len(alpha)} weights, expected one for each of "
            f"{', '.join(target.classes)}"
        )
    return torch.tensor(alpha)
