"""Where the time of a training goes: every phase of a step, and the page that shows it."""

import pytest
from signal_diffusion.families.classification.profiling import PHASES, profile_run
from signal_diffusion.families.classification.train import train_fold
from signal_diffusion.report.classifier_page import facts
from signal_diffusion.report.training_profile import draw_profile


def test_the_card_counts_the_parameters_that_the_profile_counts(make_run, datasets, tmp_path):
    """The means and deviations of every pixel lie in the same file, and are not learned."""
    run, dataset = make_run(steps=1), datasets("db-only")
    train_fold(run, dataset, tmp_path / "model.safetensors")
    assert facts(tmp_path / "model.safetensors")["parameters"] == profile_run(run, dataset, 1)["parameters"]


def test_a_profile_tells_every_phase_and_is_drawn(make_run, datasets, tmp_path):
    found = profile_run(make_run(), datasets("db-only"), 2)
    assert list(found["milliseconds"]) == list(PHASES) and min(found["milliseconds"].values()) > 0
    step = sum(found["milliseconds"].values())
    assert found["windows_per_second"] == pytest.approx(1e3 * found["batch_size"] / step)
    assert found["flops"] > 0 and found["peak_gib"] > 0
    times = [each["milliseconds"] for each in found["operators"]]
    assert times == sorted(times, reverse=True) and "convolution" in " ".join(
        e["name"] for e in found["operators"]
    )
    draw_profile(found, tmp_path / "profile.png")
    assert (tmp_path / "profile.png").stat().st_size > 10_000
