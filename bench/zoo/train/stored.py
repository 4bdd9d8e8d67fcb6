"""Accuracy of a model file as it is stored, in ONNX Runtime: Debian has none for Python, so Node runs it."""
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets import Split
from export import save_split
from paths import ZOO


def stored_accuracy(model: Path, split: Split) -> float:
    """Share of samples whose largest logit is the label's."""
    with TemporaryDirectory() as folder:
        inputs, labels = save_split(split, Path(folder))
        files = {'model': model, 'inputs': inputs, 'labels': labels}
        command = ['node', str(ZOO / 'accuracy.mjs'), json.dumps(files, default=str)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
