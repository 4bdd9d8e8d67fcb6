"""BERT: post-norm encoder pretrained by masked-token prediction, classified from its first token."""
from torch import Tensor, nn

from .encoder import WIDTH, Embeddings, Encoder


class Bert(nn.Module):
    """Four layers of width 64; pooler with tanh, as the original."""

    def __init__(self, vocabulary: int, classes: int):
        super().__init__()
        self.encoder = Encoder(Embeddings(vocabulary), layers=4, hidden=4 * WIDTH)
        self.pooler = nn.Linear(WIDTH, WIDTH)
        self.tanh = nn.Tanh()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(WIDTH, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        first = self.encoder(input_ids, attention_mask)[:, 0]
        return self.classifier(self.dropout(self.tanh(self.pooler(first))))
