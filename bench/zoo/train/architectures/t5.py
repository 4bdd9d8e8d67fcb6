"""T5: pre-norm encoder and decoder with RMS norm and relative position biases, classified from the mean decoder state."""
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import Attention, causal_bias, padding_bias
from .pooling import mean_state

HEADS = 4
BUCKETS, FARTHEST = 16, 64


class RmsNorm(nn.Module):
    """x · weight / √(mean x² + ε): no mean subtracted, no bias."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[…,width] → the same shape."""
        return x * (x * x).mean(-1, keepdim=True).add(1e-6).rsqrt() * self.weight


def bucket(distance: int, is_bidirectional: bool) -> int:
    """Bucket of key position − query position: exact when near, logarithmic when far, one for all beyond FARTHEST."""
    count = BUCKETS // 2 if is_bidirectional else BUCKETS
    offset = count if is_bidirectional and distance > 0 else 0
    gap = abs(distance) if is_bidirectional else max(-distance, 0)
    near = count // 2
    if gap < near:
        return offset + gap
    far = near + int(math.log(gap / near) / math.log(FARTHEST / near) * (count - near))
    return offset + min(far, count - 1)


class RelativePositions(nn.Module):
    """A learned score bias per bucket and head."""

    def __init__(self, is_bidirectional: bool):
        super().__init__()
        self.is_bidirectional = is_bidirectional
        self.weight = nn.Parameter(torch.zeros(BUCKETS, HEADS))

    def forward(self, length: int) -> Tensor:
        """Score bias [1,HEADS,length,length]."""
        table = [[bucket(key - query, self.is_bidirectional) for key in range(length)] for query in range(length)]
        return F.embedding(torch.tensor(table), self.weight).permute(2, 0, 1).unsqueeze(0)


class FeedForward(nn.Module):
    """Linear → ReLU → linear without biases, added to its input; sites: the ReLU and the second linear layer."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = RmsNorm(width)
        self.wi = nn.Linear(width, 4 * width, bias=False)
        self.relu = nn.ReLU()
        self.wo = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch,length,width] → the same shape."""
        return x + self.dropout(self.wo(self.relu(self.wi(self.norm(x)))))


class AttentionLayer(nn.Module):
    """Normed attention, added to its input; no biases, unscaled scores."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = RmsNorm(width)
        self.attention = Attention(width, HEADS, has_bias=False, is_scaled=False)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, source: Tensor | None, bias: Tensor) -> Tensor:
        """x [batch,n,width] attends to source [batch,m,width], or to itself when that is None."""
        y = self.norm(x)
        return x + self.dropout(self.attention(y, y if source is None else source, bias))


class EncoderLayer(nn.Module):
    """Self-attention, feed-forward."""

    def __init__(self, width: int):
        super().__init__()
        self.attention = AttentionLayer(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch,length,width] → the same shape."""
        return self.feed_forward(self.attention(x, None, bias))


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the encoder, feed-forward."""

    def __init__(self, width: int):
        super().__init__()
        self.attention = AttentionLayer(width)
        self.cross_attention = AttentionLayer(width)
        self.feed_forward = FeedForward(width)

    def forward(self, x: Tensor, bias: Tensor, source: Tensor, source_bias: Tensor) -> Tensor:
        """[batch,length,width] → the same shape."""
        return self.feed_forward(self.cross_attention(self.attention(x, None, bias), source, source_bias))


class EncoderDecoder(nn.Module):
    """`layers` encoder and as many decoder layers over one embedding."""

    def __init__(self, vocabulary: int, width: int, layers: int):
        super().__init__()
        self.width = width
        self.tokens = nn.Embedding(vocabulary, width)
        self.encoder_positions = RelativePositions(is_bidirectional=True)
        self.encoder = nn.ModuleList(EncoderLayer(width) for _ in range(layers))
        self.encoder_norm = RmsNorm(width)
        self.decoder_positions = RelativePositions(is_bidirectional=False)
        self.decoder = nn.ModuleList(DecoderLayer(width) for _ in range(layers))
        self.decoder_norm = RmsNorm(width)
        for name, weight in self.named_parameters():
            if name.endswith('query.weight'):
                nn.init.normal_(weight, std=width**-0.5 * (width // HEADS) ** -0.5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, decoder_ids: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,n], decoder_ids [batch,m] → decoder states [batch,m,width]."""
        hidden = padding_bias(attention_mask)
        bias = self.encoder_positions(int(input_ids.shape[1])) + hidden
        source = self.tokens(input_ids)
        for layer in self.encoder:
            source = layer(source, bias)
        source = self.encoder_norm(source)
        length = int(decoder_ids.shape[1])
        bias = self.decoder_positions(length) + causal_bias(length)
        x = self.tokens(decoder_ids)
        for layer in self.decoder:
            x = layer(x, bias, source, hidden)
        return self.decoder_norm(x)


def shifted(ids: Tensor) -> Tensor:
    """Decoder input: the ids one place later, after a start token 0."""
    return F.pad(ids[:, :-1], (1, 0))


class T5(nn.Module):
    """The decoder reads the input once more, shifted; its mean state over the real tokens is classified."""

    def __init__(self, vocabulary: int, classes: int, width: int = 64, layers: int = 3):
        super().__init__()
        self.body = EncoderDecoder(vocabulary, width, layers)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(width, width)
        self.tanh = nn.Tanh()
        self.classifier = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        states = self.body(input_ids, attention_mask, shifted(input_ids))
        pooled = self.dropout(mean_state(states, attention_mask))
        return self.classifier(self.dropout(self.tanh(self.dense(pooled))))
