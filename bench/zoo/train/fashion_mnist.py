"""Fashion-MNIST from the Debian package dataset-fashion-mnist: 60,000 + 10,000 grey images of 28×28 pixels."""
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datasets import Dataset, Split

FOLDER = Path('/usr/share/datasets/fashion-mnist')
CLASSES = (
    'T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot',
)
VALIDATION = 5_000
HELD_OUT = 2_500

ABOUT = (
    'Fashion-MNIST: grey images of clothes, 28×28 pixels, 10 balanced classes. 55,000 training images, 5,000 '
    'validation images (drawn from the training set with a fixed seed), 10,000 test images. The committed images '
    'are the first of the test set, in its order.'
)
COPYRIGHT = Path('/usr/share/doc/dataset-fashion-mnist/copyright')
LICENCE = 'MIT (Expat), copyright 2017 Zalando SE.'


def read_idx(path: Path, header: int) -> np.ndarray:
    """Bytes after the header of a gzipped IDX file, uint8 [size]."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header).copy()


def read_split(prefix: str) -> Split:
    """One of the two published sets: images uint8 [n,1,28,28], labels int64 [n]."""
    images = read_idx(FOLDER / f'{prefix}-images-idx3-ubyte.gz', 16).reshape(-1, 1, 28, 28)
    labels = read_idx(FOLDER / f'{prefix}-labels-idx1-ubyte.gz', 8)
    return Split({'image': torch.from_numpy(images)}, torch.from_numpy(labels.astype(np.int64)))


def terms() -> str:
    """The licence text, which has to travel with the images, as quoted Markdown."""
    text = COPYRIGHT.read_text().rsplit('License: Expat\n', 1)[-1]
    lines = ['' if line.strip() == '.' else line.strip() for line in text.splitlines()]
    return '\n' + ''.join(f'> {line}'.rstrip() + '\n' for line in lines)


def load() -> Dataset:
    """Fashion-MNIST, its training set split by a fixed permutation."""
    published = read_split('train')
    order: Tensor = torch.randperm(len(published), generator=torch.Generator().manual_seed(0))
    return Dataset(
        name='fashion-mnist',
        classes=CLASSES,
        train=published.take(order[VALIDATION:]),
        validation=published.take(order[:VALIDATION]),
        test=read_split('t10k'),
        held_out=HELD_OUT,
        about=ABOUT,
        licence=LICENCE,
        terms=terms(),
    )
