"""BERT: post-norm encoder pretrained by masked-token prediction, classified from its first token."""
from torch import Tensor, nn

from .encoder import Embeddings, Encoder


class Bert(nn.Module):
    """`layers` layers with a GELU layer of 4 · width; pooler with tanh, as the original."""

    def __init__(self, vocabulary: int, classes: int, width: int = 64, layers: int = 4):
        super().__init__()
        self.encoder = Encoder(Embeddings(vocabulary, width), layers, hidden=4 * width)
        self.pooler = nn.Linear(width, width)
        self.tanh = nn.Tanh()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        first = self.encoder(input_ids, attention_mask)[:, 0]
        return self.classifier(self.dropout(self.tanh(self.pooler(first))))
