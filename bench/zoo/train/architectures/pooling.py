"""
From the states of a sequence to one state.

Both are weighted sums: a matrix product of two activations would make the graph look like one more attention.
"""
import torch
from torch import Tensor


def last_state(x: Tensor, attention_mask: Tensor) -> Tensor:
    """State of the last real token: x [batch,length,width], mask [batch,length] → [batch,width]."""
    mask = attention_mask.float()
    following = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], dim=1)
    return ((mask - following).unsqueeze(-1) * x).sum(1)


def mean_state(x: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean over the real tokens: x [batch,length,width], mask [batch,length] → [batch,width]."""
    mask = attention_mask.float()
    return (mask.unsqueeze(-1) * x).sum(1) / mask.sum(1, keepdim=True)
