"""Vision transformer, small: 4 × 4 patches, class token, pre-norm blocks with GELU."""
import torch
from torch import Tensor, nn

from .attention import Attention
from .pixels import Pixels

PATCHES = 4


class Block(nn.Module):
    """Pre-norm transformer block; sites: the GELU and the second linear layer of its MLP."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.mlp_out = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch,tokens,width] → the same shape."""
        y = self.norm1(x)
        x = x + self.dropout(self.attention(y, y))
        return x + self.dropout(self.mlp_out(self.gelu(self.mlp_in(self.norm2(x)))))


class Vit(nn.Module):
    """16 patches of a quarter of the side and a class token, whose last state is classified."""

    def __init__(self, side: int, classes: int, width: int = 64, layers: int = 4, heads: int = 4):
        super().__init__()
        self.pixels = Pixels()
        self.patches = nn.Conv2d(1, width, side // PATCHES, side // PATCHES)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, PATCHES * PATCHES + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, 4 * width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        patches = self.patches(self.pixels(image)).flatten(2).transpose(1, 2)
        token = self.class_token.expand(image.shape[0], -1, -1)
        x = self.blocks(torch.cat([token, patches], dim=1) + self.positions)
        return self.classifier(self.dropout(self.norm(x)[:, 0]))
