"""Multi-head attention written with plain matrix products, so that the exported graph holds no fused operator."""
import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """
    Scaled dot-product attention of `heads` heads.

    `is_scaled` false leaves out 1/√d, as T5 does; `has_bias` is that of the four projections.
    """

    def __init__(self, width: int, heads: int, has_bias: bool = True, is_scaled: bool = True):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.scale = 1 / math.sqrt(self.size) if is_scaled else 1.0
        self.query = nn.Linear(width, width, bias=has_bias)
        self.key = nn.Linear(width, width, bias=has_bias)
        self.value = nn.Linear(width, width, bias=has_bias)
        self.output = nn.Linear(width, width, bias=has_bias)

    def split(self, x: Tensor) -> Tensor:
        """[batch,length,width] → [batch,heads,length,size]."""
        return x.reshape(-1, int(x.shape[1]), self.heads, self.size).transpose(1, 2)

    def forward(self, x: Tensor, source: Tensor, bias: Tensor | None = None) -> Tensor:
        """
        Queries from x [batch,n,width], keys and values from source [batch,m,width] → [batch,n,width].

        `bias` is added to the scores before the softmax; it broadcasts to [batch,heads,n,m].
        """
        scores = self.split(self.query(x)) @ self.split(self.key(source)).transpose(2, 3) * self.scale
        weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
        mixed = (weights @ self.split(self.value(source))).transpose(1, 2)
        return self.output(mixed.reshape(-1, int(x.shape[1]), self.heads * self.size))


def padding_bias(attention_mask: Tensor) -> Tensor:
    """attention_mask [batch,m] of 1 and 0 → score bias [batch,1,1,m]: 0 where 1, −10⁴ where 0."""
    return ((attention_mask.float() - 1.0) * 1e4).unsqueeze(1).unsqueeze(1)


def causal_bias(length: int) -> Tensor:
    """Score bias [1,1,length,length] that hides what comes later."""
    return torch.full((length, length), -1e4).triu(1).unsqueeze(0).unsqueeze(0)
