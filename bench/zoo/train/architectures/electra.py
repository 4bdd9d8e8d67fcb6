"""ELECTRA: the encoder of BERT pretrained to tell replaced tokens from original ones."""
from torch import Tensor, nn

from .encoder import WIDTH, Embeddings, Encoder


class Electra(nn.Module):
    """Four layers of width 64; classification head dense → GELU → dropout → linear on the first token."""

    def __init__(self, vocabulary: int, classes: int):
        super().__init__()
        self.encoder = Encoder(Embeddings(vocabulary), layers=4, hidden=4 * WIDTH)
        self.dense = nn.Linear(WIDTH, WIDTH)
        self.gelu = nn.GELU()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(WIDTH, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        first = self.encoder(input_ids, attention_mask)[:, 0]
        return self.classifier(self.dropout(self.gelu(self.dense(self.dropout(first)))))
