"""Every backbone on every representation that it takes: trains, overfits, resumes, publishes, predicts the same."""

import numpy as np
import pytest
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.families.classification.prediction import load_classifier, predict_windows
from signal_diffusion.families.classification.train import train_fold

IMAGES = [(b, r) for b in ("cnn_light", "cnn", "transformer") for r in ("db-only", "db-iq", "db-polar")]
SERIES = [
    (b, "timeseries")
    for b in ("cnn_1d", "cnn_1d_light", "transformer", "eegnet", "shallowfbcspnet", "deep4net")
]
COVERING = [("cnn_light", "db-only"), ("cnn", "db-iq"), ("transformer", "db-polar"), ("cnn_1d", "timeseries"), ("eegnet", "timeseries")]
PAIRS = [pytest.param(*pair, marks=() if pair in COVERING else pytest.mark.slow) for pair in IMAGES + SERIES]


@pytest.mark.parametrize(("backbone", "representation"), PAIRS)
def test_eight_windows_are_learned_by_heart(make_run, datasets, backbone, representation, tmp_path):
    run = make_run(backbone, representation, steps=150)
    dataset, out = datasets(representation), tmp_path / "work" / "model.safetensors"
    train_fold(run, dataset, out)
    net, _ = load_classifier(out)
    part = Part(Pool(dataset, ["train"]), np.arange(8))
    answers = predict_windows(net, part)
    for task in ("gender", "activity"):
        words = np.array(next(t for t in net.targets if t.name == task).classes)
        assert (words[answers[task].argmax(1)] == part.metadata[task]).all(), task
    error = np.abs(answers["age"] - part.metadata["age"]).max()
    assert error < 1
