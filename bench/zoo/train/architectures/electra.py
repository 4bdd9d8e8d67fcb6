"""ELECTRA: the encoder of BERT pretrained to tell replaced tokens from original ones."""
from torch import Tensor, nn

from .encoder import Embeddings, Encoder


class Electra(nn.Module):
    """`layers` layers with a GELU layer of 4 · width; classification head dense → GELU → dropout → linear on the first token."""

    def __init__(self, vocabulary: int, classes: int, width: int = 64, layers: int = 4):
        super().__init__()
        self.encoder = Encoder(Embeddings(vocabulary, width), layers, hidden=4 * width)
        self.dense = nn.Linear(width, width)
        self.gelu = nn.GELU()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        first = self.encoder(input_ids, attention_mask)[:, 0]
        return self.classifier(self.dropout(self.gelu(self.dense(self.dropout(first)))))
