"""Unidirectional LSTM with a three-layer classifier."""
from torch import Tensor, nn

from .pooling import last_state


class Lstm(nn.Module):
    """Embedding, one LSTM layer, its state at the last real token; sites: the classifier's two ReLUs."""

    def __init__(self, vocabulary: int, classes: int, width: int = 32, state: int = 96,
                 hidden: tuple[int, int] = (128, 64)):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.lstm = nn.LSTM(width, state, batch_first=True)
        self.fc1 = nn.Linear(state, hidden[0])
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(*hidden)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(hidden[1], classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """input_ids, attention_mask [batch,length] → logits [batch,classes]."""
        states, _ = self.lstm(self.dropout(self.embedding(input_ids)))
        x = self.dropout(last_state(states, attention_mask))
        x = self.dropout(self.relu1(self.fc1(x)))
        x = self.dropout(self.relu2(self.fc2(x)))
        return self.classifier(x)
