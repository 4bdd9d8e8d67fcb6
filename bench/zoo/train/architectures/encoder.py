"""The post-norm encoder that BERT and ELECTRA share."""
import torch
from torch import Tensor, nn

from .attention import Attention, padding_bias

HEADS, LENGTH = 4, 64


class Embeddings(nn.Module):
    """Token and position embeddings, layer norm, dropout."""

    def __init__(self, vocabulary: int, width: int):
        super().__init__()
        self.width = width
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(1, LENGTH, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.1)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, input_ids: Tensor) -> Tensor:
        """[batch,LENGTH] → [batch,LENGTH,width]."""
        return self.dropout(self.norm(self.tokens(input_ids) + self.positions))


class Layer(nn.Module):
    """Post-norm transformer layer; sites: the GELU of the intermediate layer and the linear layer after it."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.attention = Attention(width, HEADS)
        self.norm1 = nn.LayerNorm(width)
        self.intermediate = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.output = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch,length,width] → the same shape."""
        x = self.norm1(x + self.dropout(self.attention(x, x, bias)))
        return self.norm2(x + self.dropout(self.output(self.gelu(self.intermediate(x)))))


class Encoder(nn.Module):
    """`layers` layers over embeddings that may be shared with another network."""

    def __init__(self, embeddings: Embeddings, layers: int, hidden: int):
        super().__init__()
        self.embeddings = embeddings
        self.width = embeddings.width
        self.layers = nn.ModuleList(Layer(self.width, hidden) for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,LENGTH] → states [batch,LENGTH,width]."""
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
        self.dense = nn.Linear(embeddings.width, embeddings.width)
        self.gelu = nn.GELU()
        self.norm = nn.LayerNorm(embeddings.width)
        self.bias = nn.Parameter(torch.zeros(embeddings.tokens.num_embeddings))

    def forward(self, states: Tensor) -> Tensor:
        """[…,width] → logits […,vocabulary]."""
        return self.norm(self.gelu(self.dense(states))) @ self.embeddings[0].tokens.weight.t() + self.bias
