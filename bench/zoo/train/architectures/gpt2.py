"""GPT-2: pre-norm causal decoder pretrained to predict the next token, classified from its last real token."""
import torch
from torch import Tensor, nn

from .attention import Attention, causal_bias
from .pooling import last_state

HEADS, LENGTH = 4, 64


class Block(nn.Module):
    """Pre-norm block; sites: the tanh-form GELU and the linear layer after it."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, HEADS)
        self.norm2 = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU(approximate='tanh')
        self.mlp_out = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch,LENGTH,width] → the same shape."""
        y = self.norm1(x)
        x = x + self.dropout(self.attention(y, y, bias))
        return x + self.dropout(self.mlp_out(self.gelu(self.mlp_in(self.norm2(x)))))


class Decoder(nn.Module):
    """Embeddings, blocks, final norm; causality alone keeps padding, which is on the right, out of sight."""

    def __init__(self, vocabulary: int, width: int, layers: int):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(1, LENGTH, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.1)
        self.register_buffer('bias', causal_bias(LENGTH), persistent=False)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, input_ids: Tensor) -> Tensor:
        """[batch,LENGTH] → states [batch,LENGTH,width]."""
        x = self.dropout(self.tokens(input_ids) + self.positions)
        for block in self.blocks:
            x = block(x, self.bias)
        return self.norm(x)


class Gpt2(nn.Module):
    """`layers` blocks and a linear classifier."""

    def __init__(self, vocabulary: int, classes: int, width: int = 64, layers: int = 4):
        super().__init__()
        self.decoder = Decoder(vocabulary, width, layers)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        return self.classifier(self.dropout(last_state(self.decoder(input_ids), attention_mask)))
