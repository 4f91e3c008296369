"""Dropout that does not wait for its random numbers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LANES = 4  # 16-bit numbers of one draw
LEVELS = 2**16


class Dropout(nn.Dropout):
    """Dropout (Srivastava et al. 2014) whose mask takes 16 bits an element on a CPU, where PyTorch draws one by one.

    There the probability is `p` to 1/131072, and what is kept is scaled by what this leaves, so that the mean stays.
    The mask comes from the default generator, whose state decides it as it does PyTorch's. Where the network is
    compiled it is PyTorch's, which draws inside its kernels, and which cannot follow a view of other bits.
    """

    def forward(self, x: Tensor) -> Tensor:
        dropped = round(self.p * LEVELS)
        usual = x.device.type != "cpu" or torch.compiler.is_compiling()
        if usual or not self.training or dropped in (0, LEVELS):
            return F.dropout(x, self.p, self.training)
        kept = _lanes(x.numel()).view(x.shape) >= dropped - LEVELS // 2
        return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - dropped))


def _lanes(count: int) -> Tensor:
    """`count` int16 numbers, each of the 65536 equally likely."""
    draws = torch.empty(-(-count // LANES), dtype=torch.int64).random_(-(2**63), None)
    return draws.view(torch.int16)[:count]
