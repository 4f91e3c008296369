"""Each loss against its definition, in float64 by hand."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from signal_diffusion.errors import UserError
from signal_diffusion.families.classification.losses import TaskLosses, balanced_weights, focal_loss
from signal_diffusion.families.classification.targets import Target
from sklearn.utils.class_weight import compute_class_weight

GENDER, AGE = Target("gender", ("M", "F")), Target("age", (), "years", 40.0, 10.0)
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 2))
CODES = np.array([0, 1, 1, 0, 1, 1.0])


def config(make_run, **lines: str):
    text = "keep = 'last'\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())
    return make_run(tasks='["gender", "health", "age"]', training=text).training


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def one(losses: TaskLosses, target: Target, output: np.ndarray, codes: np.ndarray) -> float:
    each = losses.each({target.name: torch.from_numpy(output)}, {target.name: torch.from_numpy(codes)})
    return float(each[target.name])


def test_cross_entropy_with_smoothing(make_run):
    losses = TaskLosses(config(make_run, label_smoothing="0.1"), [GENDER], {"gender": CODES})
    wanted = np.full((6, 2), 0.05)
    wanted[np.arange(6), CODES.astype(int)] = 0.95
    assert one(losses, GENDER, LOGITS, CODES) == pytest.approx(-(wanted * log_softmax(LOGITS)).sum(1).mean())


def test_class_weights_are_those_of_scikit_learn(make_run):
    weights = compute_class_weight("balanced", classes=np.array([0, 1]), y=CODES.astype(int))
    np.testing.assert_allclose(balanced_weights(CODES, 2), weights)
    assert balanced_weights(np.zeros(3), 3).tolist() == [1, 0, 0]
    losses = TaskLosses(config(make_run, class_weights='"balanced"'), [GENDER], {"gender": CODES})
    each, w = -log_softmax(LOGITS)[np.arange(6), CODES.astype(int)], weights[CODES.astype(int)]
    assert one(losses, GENDER, LOGITS, CODES) == pytest.approx((w * each).sum() / w.sum())


def test_class_weights_count_windows_as_often_as_they_are_drawn(make_run):
    """Draws that balance the classes already leave nothing to weigh; the rows count 2 : 4."""
    drawn = np.where(CODES == 0, 0.2, 0.1)
    assert balanced_weights(CODES, 2, drawn) == pytest.approx([1, 1])
    unknown = np.array([0, 1, 1, np.nan, 1, 1.0])
    losses = TaskLosses(
        config(make_run, class_weights='"balanced"'), [GENDER], {"gender": unknown}, 2 * drawn
    )
    each = -log_softmax(LOGITS)[np.arange(6), CODES.astype(int)]
    w = np.where(CODES == 0, 2.0, 1.0)  # one window drawn twice as often against four
    assert one(losses, GENDER, LOGITS, CODES) == pytest.approx((w * each).sum() / w.sum())


@pytest.mark.parametrize(("shuffle", "weights"), [("true", (2 / 3, 2)), ("false", (1, 1))])
def test_windows_in_order_are_not_drawn_by_the_recipes_weights(
    make_run, datasets, tmp_path, shuffle, weights
):
    from signal_diffusion.families.classification.train import make_task

    dataset = shutil.copytree(datasets("db-only"), tmp_path / "weighted")
    table = pd.read_csv(dataset / "train-metadata.csv", keep_default_na=False)
    table["weight"] = np.where(table["gender"] == "M", 3.0, 1.0)
    table.to_csv(dataset / "train-metadata.csv", index=False)
    training = "keep = 'last'\nclass_weights = 'balanced'"
    run = make_run(tasks='["gender"]', training=training, dataset=f"shuffle = {shuffle}")
    task, _ = make_task(run, dataset, "split", "true")
    total, _ = task.losses({"gender": torch.from_numpy(LOGITS)}, {"labels": {"gender": torch.tensor(CODES)}})
    each, w = -log_softmax(LOGITS)[np.arange(6), CODES.astype(int)], np.array(weights)[CODES.astype(int)]
    assert float(total) == pytest.approx((w * each).sum() / w.sum())


def test_focal_loss_has_an_alpha_for_each_class(make_run):
    settings = {"focal_tasks": '["gender"]', "focal_gamma": "1.5", "focal_alpha": "{ gender = [0.25, 0.75] }"}
    losses = TaskLosses(config(make_run, **settings), [GENDER], {"gender": CODES})
    p = np.exp(log_softmax(LOGITS))[np.arange(6), CODES.astype(int)]
    alpha = np.array([0.25, 0.75])[CODES.astype(int)]
    assert one(losses, GENDER, LOGITS, CODES) == pytest.approx(-(alpha * (1 - p) ** 1.5 * np.log(p)).mean())


def test_the_focal_loss_of_a_certain_answer_has_a_gradient():
    logits = torch.tensor([[40.0, -40.0], [0.5, 0.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0, 0]), 0.5, torch.ones(2)).backward()
    assert logits.grad.isfinite().all() and logits.grad[1].abs().sum() > 0


def test_focal_loss_without_gamma_is_cross_entropy():
    logits, codes = torch.from_numpy(LOGITS), torch.from_numpy(CODES).long()
    found = focal_loss(logits, codes, 0.0, torch.ones(2, dtype=torch.float64))
    assert float(found) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, codes)))


def test_one_alpha_for_three_classes_is_refused(make_run):
    settings = config(make_run, focal_tasks='["gender"]', focal_alpha="{ gender = [0.25] }")
    with pytest.raises(UserError, match="focal_alpha.gender: found 1 weights, expected one for each of M, F"):
        TaskLosses(settings, [GENDER], {"gender": CODES})
    with pytest.raises(UserError, match="age is a number"):
        TaskLosses(config(make_run, focal_tasks='["age"]'), [AGE], {"age": CODES})


def test_ages_are_standardised_and_far_errors_count_linearly(make_run):
    losses = TaskLosses(config(make_run, huber_delta="0.5"), [AGE], {"age": CODES})
    error = np.array([0.1, -0.4, 0.5, 2.0, -3.0, 0.0])  # standard deviations
    years = 40 + 10 * np.arange(6.0)
    size = np.abs(error)
    wanted = np.where(size <= 0.5, error**2 / 2, 0.5 * (size - 0.25)).mean()
    assert one(losses, AGE, ((years - 40) / 10 + error)[:, None], years) == pytest.approx(wanted, rel=1e-5)


def test_rows_without_a_label_count_for_the_other_tasks_alone(make_run):
    unknown = np.where(np.arange(6) < 2, np.nan, CODES)
    losses = TaskLosses(config(make_run), [GENDER], {"gender": unknown})
    assert one(losses, GENDER, LOGITS, unknown) == pytest.approx(one(losses, GENDER, LOGITS[2:], CODES[2:]))
    logits = torch.from_numpy(LOGITS).requires_grad_()
    none = losses.each({"gender": logits}, {"gender": torch.full((6,), torch.nan)})["gender"]
    none.backward()
    assert float(none.detach()) == 0 and (logits.grad == 0).all()


def test_task_weights_are_factors_and_1_where_unset(make_run):
    losses = TaskLosses(config(make_run, task_weights="{ gender = 2.0 }"), [GENDER, AGE], {"gender": CODES})
    each = {"gender": torch.tensor(3.0), "age": torch.tensor(5.0)}
    assert float(losses.total(each)) == 2 * 3 + 5


def test_learned_weights_follow_kendall(make_run):
    losses = TaskLosses(config(make_run), [GENDER, AGE], {"gender": CODES})
    each, s = {"gender": torch.tensor(3.0), "age": torch.tensor(5.0)}, torch.tensor([0.4, -0.6])
    wanted = np.exp(-0.4) * 3 + 0.2 + 0.5 * np.exp(0.6) * 5 - 0.3
    assert float(losses.total(each, s)) == pytest.approx(wanted)


def test_weights_are_learned_with_the_network(make_run, datasets, tmp_path):
    from signal_diffusion.families.classification.prediction import load_classifier
    from signal_diffusion.families.classification.train import train_fold

    run = make_run(training="keep = 'last'\ntask_weighting = 'uncertainty'")
    train_fold(run, datasets("db-only"), tmp_path / "model.safetensors")
    net, _ = load_classifier(tmp_path / "model.safetensors")
    assert (net.log_variances != 0).all()
