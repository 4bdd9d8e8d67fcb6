"""Trained network → ONNX file with a dynamic batch axis, its weights as float16 where wanted; tensors → .npy files."""
import math
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from datasets import Split
from fit import as_arguments

OPSET = 17
HALVED = 1_000
"""Weights of more numbers than this are worth halving."""


def export_onnx(model: nn.Module, example: Split, path: Path) -> None:
    """Write `model` in inference form: inputs named as in `example`, one output `logits`, axis 0 is `batch`."""
    model.eval()
    names = list(example.inputs)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the sequence length is meant to be a constant of the graph
        torch.onnx.export(
            model,
            tuple(as_arguments(example.inputs)),
            str(path),
            input_names=names,
            output_names=['logits'],
            dynamic_axes={name: {0: 'batch'} for name in [*names, 'logits']},
            opset_version=OPSET,
            do_constant_folding=True,
        )
    onnx.checker.check_model(str(path), full_check=True)


def halve_weights(path: Path) -> None:
    """Store the large float initializers of a model as float16, each with a Cast that gives the float under its old name."""
    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or math.prod(tensor.dims) <= HALVED:
            continue
        name, half = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(f'{name}: beyond the range of float16')
        tensor.CopyFrom(numpy_helper.from_array(half, f'{name}.half'))
        casts.append(helper.make_node('Cast', [tensor.name], [name], f'{name}.cast', to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)


def smallest_integer(x: Tensor) -> np.ndarray:
    """The same integers in the narrowest of uint8, int16, int32 that holds them, C order."""
    low, high = int(x.min()), int(x.max())
    kind = np.uint8 if low >= 0 and high <= 255 else np.int16 if -32768 <= low and high <= 32767 else np.int32
    return np.ascontiguousarray(x.numpy().astype(kind))


def save_split(split: Split, folder: Path) -> tuple[dict[str, Path], Path]:
    """Write inputs and labels; one input is inputs.npy, several are NAME.npy. Returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        name: folder / ('inputs.npy' if len(split.inputs) == 1 else f'{name}.npy') for name in split.inputs
    }
    for name, x in split.inputs.items():
        np.save(paths[name], smallest_integer(x))
    labels = folder / 'labels.npy'
    np.save(labels, split.labels.numpy().astype(np.int64))
    return paths, labels
