"""GPT-2: pre-norm causal decoder pretrained to predict the next token, classified from its last real token."""
import torch
from torch import Tensor, nn

from .attention import Attention, causal_bias
from .pooling import last_state

WIDTH, HEADS, LAYERS, LENGTH = 64, 4, 4, 64


class Block(nn.Module):
    """Pre-norm block; sites: the tanh-form GELU and the linear layer after it."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = Attention(WIDTH, HEADS)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp_in = nn.Linear(WIDTH, 4 * WIDTH)
        self.gelu = nn.GELU(approximate='tanh')
        self.mlp_out = nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch,LENGTH,WIDTH] → the same shape."""
        y = self.norm1(x)
        x = x + self.dropout(self.attention(y, y, bias))
        return x + self.dropout(self.mlp_out(self.gelu(self.mlp_in(self.norm2(x)))))


class Decoder(nn.Module):
    """Embeddings, blocks, final norm; causality alone keeps padding, which is on the right, out of sight."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Parameter(torch.randn(1, LENGTH, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(0.1)
        self.register_buffer('bias', causal_bias(LENGTH), persistent=False)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, input_ids: Tensor) -> Tensor:
        """[batch,LENGTH] → states [batch,LENGTH,WIDTH]."""
        x = self.dropout(self.tokens(input_ids) + self.positions)
        for block in self.blocks:
            x = block(x, self.bias)
        return self.norm(x)


class Gpt2(nn.Module):
    """Four blocks of width 64 and a linear classifier."""

    def __init__(self, vocabulary: int, classes: int):
        super().__init__()
        self.decoder = Decoder(vocabulary)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(WIDTH, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        return self.classifier(self.dropout(last_state(self.decoder(input_ids), attention_mask)))
