"""The post-norm encoder that BERT and ELECTRA share."""
import torch
from torch import Tensor, nn

from .attention import Attention, padding_bias

WIDTH, HEADS, LENGTH = 64, 4, 64


class Embeddings(nn.Module):
    """Token and position embeddings, layer norm, dropout."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Parameter(torch.randn(1, LENGTH, WIDTH) * 0.02)
        self.norm = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(0.1)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, input_ids: Tensor) -> Tensor:
        """[batch,LENGTH] → [batch,LENGTH,WIDTH]."""
        return self.dropout(self.norm(self.tokens(input_ids) + self.positions))


class Layer(nn.Module):
    """Post-norm transformer layer; sites: the GELU of the intermediate layer and the linear layer after it."""

    def __init__(self, hidden: int):
        super().__init__()
        self.attention = Attention(WIDTH, HEADS)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.intermediate = nn.Linear(WIDTH, hidden)
        self.gelu = nn.GELU()
        self.output = nn.Linear(hidden, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch,length,WIDTH] → the same shape."""
        x = self.norm1(x + self.dropout(self.attention(x, x, bias)))
        return self.norm2(x + self.dropout(self.output(self.gelu(self.intermediate(x)))))


class Encoder(nn.Module):
    """`layers` layers over embeddings that may be shared with another network."""

    def __init__(self, embeddings: Embeddings, layers: int, hidden: int):
        super().__init__()
        self.embeddings = embeddings
        self.layers = nn.ModuleList(Layer(hidden) for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,LENGTH] → states [batch,LENGTH,WIDTH]."""
        x = self.embeddings(input_ids)
        bias = padding_bias(attention_mask)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class TokenHead(nn.Module):
    """Predicts a token from a state: dense, GELU, layer norm, then the embedding matrix itself."""

    def __init__(self, embeddings: Embeddings):
        super().__init__()
        self.embeddings = [embeddings]  # shared, not owned
        self.dense = nn.Linear(WIDTH, WIDTH)
        self.gelu = nn.GELU()
        self.norm = nn.LayerNorm(WIDTH)
        self.bias = nn.Parameter(torch.zeros(embeddings.tokens.num_embeddings))

    def forward(self, states: Tensor) -> Tensor:
        """[…,WIDTH] → logits […,vocabulary]."""
        return self.norm(self.gelu(self.dense(states))) @ self.embeddings[0].tokens.weight.t() + self.bias
