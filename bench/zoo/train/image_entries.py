"""The image architectures: narrow ones on both image data sets, wide ones on Fashion-MNIST."""
import fashion_mnist
import optical_digits
from architectures import efficientnet, mobilenetv3
from architectures.cnn import Cnn
from architectures.mlp import Mlp
from architectures.mobilenetv2 import ORIGINAL, MobileNetV2
from architectures.resnet18 import ResNet18
from architectures.vgg import Vgg
from architectures.vit import Vit
from datasets import Dataset
from entry import Build, Entry
from fit import Schedule


def side_of(dataset: Dataset) -> int:
    """Height and width of the data set's images, pixels."""
    return dataset.train.inputs['image'].shape[-1]


IMAGE_DATASETS = {'fashion-mnist': fashion_mnist.load, 'optical-digits': optical_digits.load}

IMAGE_ARCHITECTURES: dict[str, tuple[Build, str]] = {
    'mlp': (
        lambda d, seed: Mlp(side_of(d), len(d.classes)),
        'MLP: three hidden dense layers 512-256-128, each ReLU then dropout 0.3, and a classifier.',
    ),
    'cnn': (
        lambda d, seed: Cnn(side_of(d), len(d.classes)),
        'CNN: three blocks 3×3 convolution → batch norm → ReLU → max pool (16, 32, 64 channels), two hidden dense '
        'layers 128-64 with ReLU and dropout 0.3, and a classifier.',
    ),
    'resnet18': (
        lambda d, seed: ResNet18(len(d.classes)),
        'ResNet-18, narrow: 3×3 stem and one pooling, four stages of two basic blocks (12, 24, 48, 96 channels), '
        'global average, classifier. Trained from random weights, not from ImageNet.',
    ),
    'mobilenetv2': (
        lambda d, seed: MobileNetV2(len(d.classes)),
        'MobileNetV2, narrow: 17 inverted residuals in seven stages (expansion 6, depthwise 3×3, ReLU6, linear '
        'bottlenecks of 8 to 80 channels), 320-channel head, dropout 0.3, classifier. Trained from random weights.',
    ),
    'vit': (
        lambda d, seed: Vit(side_of(d), len(d.classes)),
        'ViT, small: 4 × 4 patches and a class token, width 64, four pre-norm blocks (4 heads, GELU MLP of 256), '
        'dropout 0.3 before the classifier. Trained from random weights.',
    ),
}

SQUEEZING_ARCHITECTURES: dict[str, tuple[Build, str, Schedule]] = {
    'mobilenetv3': (
        lambda d, seed: mobilenetv3.MobileNetV3(len(d.classes)),
        'MobileNetV3-Small, narrow: 11 inverted residuals at half the original width (depthwise 3×3 and 5×5, linear '
        'bottlenecks of 8 to 48 channels), squeeze-and-excite in nine of them, ReLU in the first three and HardSwish '
        'after them, a hidden dense layer of 512, dropout 0.3, classifier. Trained from random weights.',
        Schedule(epochs=5, batch=128, rate=2e-3, decay=0.5, samples=30_000),
    ),
    'efficientnet': (
        lambda d, seed: efficientnet.EfficientNet(len(d.classes)),
        'EfficientNet-B0, narrow: 16 inverted residuals in seven stages (expansion 6, depthwise 3×3 and 5×5, linear '
        'bottlenecks of 8 to 80 channels), squeeze-and-excite in each, SiLU, 320-channel head, dropout 0.3, '
        'classifier. Trained from random weights.',
        Schedule(epochs=4, batch=128, rate=2e-3, decay=0.4, samples=30_000),
    ),
}
"""Networks whose activation function has a minimum below zero; trained on Fashion-MNIST alone, and briefly."""

SCHEDULES = {
    'fashion-mnist': {
        'mlp': Schedule(epochs=40, batch=256, decay=0.9),
        'cnn': Schedule(epochs=12),
        'resnet18': Schedule(epochs=12, batch=128, decay=0.8),
        'mobilenetv2': Schedule(epochs=12, batch=128, decay=0.8),
        'vit': Schedule(epochs=15, batch=128, decay=0.85),
    },
    'optical-digits': {
        'mlp': Schedule(epochs=100, batch=32, patience=10),
        'cnn': Schedule(epochs=100, batch=32, patience=10),
        'resnet18': Schedule(epochs=100, batch=32, patience=10),
        'mobilenetv2': Schedule(epochs=100, batch=32, patience=10),
        'vit': Schedule(epochs=100, batch=32, patience=10),
    },
}
"""Patience 3 as in the paper, but 10 where an epoch is only 19 steps; rate and batch size as each needs."""

WIDE_ARCHITECTURES: dict[str, tuple[Build, str, Schedule]] = {
    'mlp': (
        lambda d, seed: Mlp(side_of(d), len(d.classes), (2048, 2048, 1024)),
        'MLP, wide: three hidden dense layers 2048-2048-1024, each ReLU then dropout 0.3, and a classifier.',
        Schedule(epochs=3, batch=128, decay=0.5, samples=30_000),
    ),
    'resnet18': (
        lambda d, seed: ResNet18(len(d.classes), (64, 128, 256, 256)),
        'ResNet-18, wide: 3×3 stem of 64 channels and one pooling, four stages of two basic blocks (64, 128, 256, 256 '
        'channels; the last stage has half the original 512, which alone would take 17 MB), global average, classifier. '
        'Trained from random weights, not from ImageNet.',
        Schedule(epochs=2, batch=64, decay=0.3, samples=20_000),
    ),
    'mobilenetv2': (
        lambda d, seed: MobileNetV2(len(d.classes), ORIGINAL),
        'MobileNetV2 at width 1.0: 17 inverted residuals in seven stages (expansion 6, depthwise 3×3, ReLU6, linear '
        'bottlenecks of 16 to 320 channels), 1,280-channel head, dropout 0.3, classifier. Trained from random weights.',
        Schedule(epochs=3, batch=64, decay=0.5, samples=12_000),
    ),
    'vit': (
        lambda d, seed: Vit(side_of(d), len(d.classes), width=256),
        'ViT, wide: 4 × 4 patches and a class token, width 256, four pre-norm blocks (4 heads, GELU MLP of 1,024), '
        'dropout 0.3 before the classifier. Trained from random weights.',
        Schedule(epochs=3, batch=64, rate=5e-4, decay=0.5, samples=20_000),
    ),
}

IMAGE_ENTRIES = tuple(
    Entry(architecture, dataset, load, build, structure, SCHEDULES[dataset][architecture])
    for architecture, (build, structure) in IMAGE_ARCHITECTURES.items()
    for dataset, load in IMAGE_DATASETS.items()
) + (
    Entry(
        'vgg',
        'fashion-mnist',
        fashion_mnist.load,
        lambda d, seed: Vgg(side_of(d), len(d.classes)),
        'VGG, wide enough for kernels to matter: three pairs of 3×3 convolution → batch norm → ReLU (64, 128, 256 '
        'channels), a max pool after each, a hidden dense layer of 256 with ReLU and dropout 0.3, and a classifier.',
        Schedule(epochs=3, batch=128, decay=0.4),
    ),
) + tuple(
    Entry(architecture, 'fashion-mnist', fashion_mnist.load, build, structure, schedule)
    for architecture, (build, structure, schedule) in SQUEEZING_ARCHITECTURES.items()
) + tuple(
    Entry(architecture, 'fashion-mnist', fashion_mnist.load, build, structure, schedule, is_wide=True)
    for architecture, (build, structure, schedule) in WIDE_ARCHITECTURES.items()
)
