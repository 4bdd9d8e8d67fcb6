"""UCI optical digits from scikit-learn (Debian python3-sklearn): 1,797 grey images of 8×8 pixels, resized to 16×16."""
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from datasets import Dataset, Split

SIDE = 16
TRAIN, VALIDATION = 600, 147

ABOUT = (
    'Optical recognition of handwritten digits (UCI; E. Alpaydin, C. Kaynak, 1998), the 1,797 samples that '
    'scikit-learn carries: grey images of 8×8 pixels, levels 0–16, 10 balanced classes; resized to 16×16 by bilinear '
    'interpolation and scaled to 0–255. Split by a fixed permutation: 600 training, 147 validation, 1,050 test images. '
    'All test images are committed. Writers are not identified in the data, so the split is by image.'
)
LICENCE = 'CC BY 4.0 (UCI Machine Learning Repository, doi:10.24432/C50P49); carried by scikit-learn, BSD-3-Clause.'


def resized(levels: np.ndarray) -> Tensor:
    """Levels 0…16, [n,8,8] → pixels uint8 0…255, [n,1,16,16]."""
    images = torch.from_numpy(levels).float().unsqueeze(1) * (255 / 16)
    return F.interpolate(images, size=(SIDE, SIDE), mode='bilinear', align_corners=False).round().to(torch.uint8)


def load() -> Dataset:
    """The digits, split by a fixed permutation."""
    bunch = load_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    everything = Split({'image': resized(bunch.images)}, torch.from_numpy(bunch.target.astype(np.int64))).take(order)
    test = everything.take(slice(TRAIN + VALIDATION, None))
    return Dataset(
        name='optical-digits',
        classes=tuple(str(digit) for digit in range(10)),
        train=everything.take(slice(0, TRAIN)),
        validation=everything.take(slice(TRAIN, TRAIN + VALIDATION)),
        test=test,
        held_out=len(test),
        about=ABOUT,
        licence=LICENCE,
    )
