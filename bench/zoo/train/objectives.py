"""What the text models are pretrained on: each module maps token ids [batch,length] to a loss and keeps its own heads."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from architectures.encoder import Encoder, TokenHead
from architectures.gpt2 import Decoder
from architectures.t5 import EncoderDecoder, shifted
from vocabulary import FIRST_SENTINEL, MASK, PAD, SENTINELS, SIZE

MASKED = 0.15
SPAN = 3
TARGET_LENGTH = 32
REPLACED_WEIGHT = 50.0


def real(ids: Tensor) -> Tensor:
    """Attention mask of ids: 1 where not padding."""
    return (ids != PAD).long()


def masked(ids: Tensor) -> tuple[Tensor, Tensor]:
    """15 % of the known words chosen; of these 80 % masked, 10 % random, 10 % kept. Returns ids and the choice."""
    chosen = (torch.rand(ids.shape) < MASKED) & (ids >= FIRST_SENTINEL + SENTINELS)
    fate = torch.rand(ids.shape)
    corrupted = ids.masked_fill(chosen & (fate < 0.8), MASK)
    random = torch.randint(FIRST_SENTINEL + SENTINELS, SIZE, ids.shape)
    return torch.where(chosen & (fate >= 0.9), random, corrupted), chosen


class MaskedTokens(nn.Module):
    """BERT: predict the chosen tokens from both sides."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder
        self.head = TokenHead(encoder.embeddings)

    def forward(self, ids: Tensor) -> Tensor:
        """Mean cross-entropy over the chosen tokens, nats."""
        corrupted, chosen = masked(ids)
        return F.cross_entropy(self.head(self.encoder(corrupted, real(ids))[chosen]), ids[chosen])


class ReplacedTokens(nn.Module):
    """ELECTRA: a one-layer generator fills masks; the encoder tells for every token whether it was replaced."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder
        self.generator = Encoder(encoder.embeddings, layers=1, hidden=2 * encoder.width)
        self.generator_head = TokenHead(encoder.embeddings)
        self.dense = nn.Linear(encoder.width, encoder.width)
        self.discriminator = nn.Linear(encoder.width, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Generator's cross-entropy plus 50 times the discriminator's, nats."""
        mask = real(ids)
        corrupted, chosen = masked(ids)
        logits = self.generator_head(self.generator(corrupted, mask)[chosen])
        generated = torch.distributions.Categorical(logits=logits.detach()).sample()
        replaced = ids.clone()
        replaced[chosen] = generated
        states = F.gelu(self.dense(self.encoder(replaced, mask)))
        scores = self.discriminator(states).squeeze(-1)[mask.bool()]
        told = F.binary_cross_entropy_with_logits(scores, (replaced != ids)[mask.bool()].float())
        return F.cross_entropy(logits, ids[chosen]) + REPLACED_WEIGHT * told


class NextToken(nn.Module):
    """GPT-2: predict every token from those before it; the output matrix is the embedding."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, ids: Tensor) -> Tensor:
        """Mean cross-entropy over real tokens, nats."""
        logits = self.decoder(ids)[:, :-1] @ self.decoder.tokens.weight.t()
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=PAD)


def cut_spans(row: list[int]) -> tuple[list[int], list[int]]:
    """One sequence without padding → (text with a sentinel for each cut span, the spans after their sentinels)."""
    count = max(1, min(SENTINELS, round(len(row) * MASKED / SPAN)))
    slot = len(row) // count
    room = max(1, slot - SPAN)
    offsets = torch.randint(0, room, (count,)).tolist()
    source, target, position = [], [], 0
    for i, offset in enumerate(offsets):
        start = i * slot + offset
        source += [*row[position:start], FIRST_SENTINEL + i]
        target += [FIRST_SENTINEL + i, *row[start : start + SPAN]]
        position = start + SPAN
    return source + row[position:], target


def padded(rows: list[list[int]], length: int) -> Tensor:
    """Rows cut or padded to int64 [rows,length]."""
    return torch.tensor([(row + [PAD] * length)[:length] for row in rows])


class CorruptedSpans(nn.Module):
    """T5: the encoder reads text with spans cut out, the decoder writes the spans."""

    def __init__(self, body: EncoderDecoder):
        super().__init__()
        self.body = body

    def forward(self, ids: Tensor) -> Tensor:
        """Mean cross-entropy over the target's tokens, nats."""
        pairs = [cut_spans([i for i in row if i != PAD]) for row in ids.tolist()]
        source = padded([pair[0] for pair in pairs], ids.shape[1])
        target = padded([pair[1] for pair in pairs], TARGET_LENGTH)
        states = self.body(source, real(source), shifted(target)) * self.body.width**-0.5
        logits = states @ self.body.tokens.weight.t()
        return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
