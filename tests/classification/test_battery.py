"""Every backbone on every representation that it takes: trains, overfits, resumes, publishes, predicts the same."""

import numpy as np
import pytest
from signal_diffusion import Classifier, load
from signal_diffusion.config.classification import FIXED
from signal_diffusion.datasets.pool import Part, Pool
from signal_diffusion.families.classification.prediction import load_classifier, predict_fold, predict_windows
from signal_diffusion.families.classification.publish import publish_model
from signal_diffusion.families.classification.task import ClassificationTask
from signal_diffusion.families.classification.train import train_fold
from signal_diffusion.files import sha256
from signal_diffusion.metrics.classification.tables import read_predictions

IMAGES = [
    (b, r) for b in ("cnn_light", "cnn", "transformer", "spectrum") for r in ("db-only", "db-iq", "db-polar")
]
SERIES = [(b, "timeseries") for b in ("cnn_1d", "cnn_1d_light", "transformer", *FIXED)]
COVERING = [
    ("cnn_light", "db-only"),
    ("transformer", "db-polar"),
    ("cnn_1d", "timeseries"),
    ("covariance", "timeseries"),
]
ALSO_RESUMED = [("cnn", "db-iq"), ("eegnet", "timeseries"), ("deep4net", "timeseries")]


def pairs(fast):
    return [pytest.param(*pair, marks=() if pair in fast else pytest.mark.slow) for pair in IMAGES + SERIES]


@pytest.mark.parametrize(("backbone", "representation"), pairs(COVERING))
def test_eight_windows_are_learned_by_heart(make_run, datasets, backbone, representation, tmp_path):
    run = make_run(backbone, representation, steps=200)
    dataset, out = datasets(representation), tmp_path / "work" / "model.safetensors"
    train_fold(run, dataset, out)
    net, _ = load_classifier(out)
    part = Part(Pool(dataset, ["train"]), np.arange(8))
    answers = predict_windows(net, part)
    for task in ("gender", "activity"):
        words = np.array(next(t for t in net.targets if t.name == task).classes)
        assert (words[answers[task].argmax(1)] == part.metadata[task]).all(), task
    assert np.abs(answers["age"] - part.metadata["age"]).max() < 1


class Killed(Exception):
    pass


@pytest.mark.parametrize(("backbone", "representation"), pairs(COVERING + ALSO_RESUMED))
def test_killed_and_resumed_published_and_loaded(
    make_run, datasets, monkeypatch, backbone, representation, tmp_path
):
    steps = "checkpoint_strategy = 'steps'\ncheckpoint_steps = 2\neval_strategy = 'steps'\neval_steps = 3"
    run = make_run(backbone, representation, steps=5, dropout=0.3, training=steps)
    dataset = datasets(representation)
    check_resumed(run, dataset, tmp_path, monkeypatch)
    check_published(run, dataset, tmp_path / "whole", tmp_path / "published")


@pytest.mark.parametrize(("backbone", "representation"), pairs([("cnn_light", "db-only")]))
def test_a_compiled_network_trains_and_resumes(
    make_run, datasets, monkeypatch, backbone, representation, tmp_path
):
    """By torch's own compiler, as is the default: dropout, norms and measured features included."""
    steps = "checkpoint_strategy = 'steps'\ncheckpoint_steps = 2\neval_strategy = 'steps'\neval_steps = 3"
    run = make_run(backbone, representation, steps=4, dropout=0.3, training=steps)
    run = run.model_copy(update={"training": run.training.model_copy(update={"compile_model": True})})
    check_resumed(run, datasets(representation), tmp_path, monkeypatch)


def check_resumed(run, dataset, folder, monkeypatch) -> None:
    """A training that is killed at its fourth step and resumed gives the very weights of one that is not."""
    whole, broken = (folder / name / "model.safetensors" for name in ("whole", "broken"))
    train_fold(run, dataset, whole)
    with monkeypatch.context() as patched:
        patched.setattr(ClassificationTask, "batch", killed_at(3))
        with pytest.raises(Killed):
            train_fold(run, dataset, broken)
    train_fold(run, dataset, broken)
    assert sha256(whole) == sha256(broken)


def killed_at(step: int):
    batch = ClassificationTask.batch

    def wrapped(self, asked: int, micro: int):
        if asked == step:
            raise Killed
        return batch(self, asked, micro)

    return wrapped


def check_published(run, dataset, work, published) -> None:
    """The published model gives the answers that the predictions' table holds."""
    publish_model(run, dataset, work / "model.safetensors", published / "model")
    predict_fold(run, work / "model.safetensors", dataset, work / "predictions.csv")
    found = read_predictions([work / "predictions.csv"])
    classifier = load(published)
    assert isinstance(classifier, Classifier)
    pool = Pool(dataset)
    rows = np.flatnonzero(pool.metadata["split"] == "test")
    answers = classifier.net.answers(pool.array(rows))
    assert list(found.rows["recording"]) == list(pool.metadata["recording"].iloc[rows])
    for task, expected in found.tasks.items():
        np.testing.assert_allclose(answers[task], expected.predicted, rtol=1e-9)
        words = next(t for t in classifier.net.targets if t.name == task).classes
        assert words == expected.classes
