import pytest
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.errors import UserError

RECIPE = "config/dataset/tiny.toml"


def test_defaults(project):
    recipe = load_recipe("tiny")
    assert recipe.name == "tiny" and recipe.simulated
    assert (recipe.signal.fs, recipe.signal.nsamps, recipe.signal.ovr_perc) == (125.0, 2048, 0.5)
    assert (recipe.spectrogram.bins, recipe.spectrogram.window, recipe.channels.set) == (
        "log",
        512,
        "1020-19",
    )
    assert (recipe.splits.train, recipe.splits.val, recipe.splits.test) == (0.8, 0.1, 0.1)


def test_bin_spacing_is_another_name_of_bins(project):
    project.change(RECIPE, "spectrogram.bin_spacing", '"linear"')
    assert load_recipe(RECIPE).spectrogram.bins == "linear"
    project.change(RECIPE, "spectrogram.bins", '"linear"')
    with pytest.raises(UserError, match=r"\[spectrogram\] bin_spacing: is another name of bins"):
        load_recipe("tiny")


@pytest.mark.parametrize(
    ("key", "literal", "message"),
    [
        ("splits.train", "0.7", "[splits] train: train + val + test = 0.9; make the fractions sum to 1"),
        ("spectrogram.fmin", "62.5", "[spectrogram] fmin: is not below signal.fs / 2"),
        ("spectrogram.window", "4096", "[spectrogram] window: is longer than signal.nsamps"),
        ("spectrogram.min_db", "-10.0", "[spectrogram] min_db: is half a range"),
        ("spectrogram.lower_percentile", "99.9", "[spectrogram] upper_percentile: is not above"),
        ("spectrogram.windw", "5", "[spectrogram] windw: unknown key; did you mean window?"),
        ("spectrogram.nsamps", "5", "[spectrogram] nsamps: unknown key; did you mean [signal] nsamps?"),
        ("spectrogram.resolution", '"64"', "[spectrogram] resolution: found '64', expected"),
        ("spectrogram.resolution", "true", "[spectrogram] resolution: found True, expected"),
        ("signal.ovr_perc", "1.0", "[signal] ovr_perc: found 1.0, expected less than 1"),
        ("signal.fs", "nan", "[signal] fs: found nan, expected"),
        ("signal.fs", "300.0", "[simulation] rate: is below signal.fs"),
        (
            "simulation.rate",
            "250.4",
            "[simulation] rate: no amplifier has 250.4 Hz; take another, such as 250",
        ),
        (
            "simulation.seconds",
            "60.5",
            "[simulation] seconds: 60.5 s cannot be written, for an EDF holds whole",
        ),
        ("simulation.seconds", "10.0", "[simulation] seconds: is shorter than one window"),
        ("recipe.datasets", "[]", "[recipe] datasets: found [], expected"),
        ("recipe.datasets", '["demo", "math"]', "[recipe] datasets: demo is simulated and cannot be mixed"),
        (
            "recipe.datasets",
            '["mit", "math"]',
            "[recipe] datasets: mit has bipolar channels and cannot be mixed",
        ),
        ("recipe.datasets", '["math", "math"]', "[recipe] datasets: names a dataset twice"),
        ("recipe.datasets", '["mit"]', '[channels] set: mit is bipolar; set it to "chb-mit-bipolar"'),
        ("channels.set", '"chb-mit-bipolar"', "[channels] set: "),
        ("channels.set", "[]", "[channels] set: "),
        (
            "channels.set",
            '"1020-9"',
            "[channels] set: found '1020-9', which is no channel set; did you mean 1020-19?",
        ),
        (
            "channels.set",
            '"all"',
            "[channels] set: found 'all', which is no channel set; use one of 1020-19, ",
        ),
        ("weights.tasks", '["gender", "gender"]', "[weights] tasks: names a label twice"),
        ("weights.age_bins", "[40, 20]", "[weights] age_bins: is not in rising order"),
        ("weights.max_sampling_weight", "0.5", "[weights] max_sampling_weight: found 0.5, expected greater"),
        ("weights.targets.health", "{ H = 1.0 }", "[weights.targets] health: is not among the tasks"),
        ("weights.targets.gender", "{ F = 0.6, M = 0.3 }", "[weights.targets] gender: sums to 0.9"),
        ("weights.targets.gender", "{ F = 1.0, M = 0.0 }", "[weights.targets.gender] M: found 0.0, expected"),
        ("export.copies", "true", "[export] copies: nothing is exported"),
        ("origins.maths.url", '"x.org"', "[origins] maths: is not among recipe.datasets"),
        ("captions.fields", '["age", "mood"]', "[captions] fields[1]: found 'mood', expected"),
    ],
)
def test_mistakes(project, key, literal, message):
    project.change(RECIPE, key, literal)
    with pytest.raises(UserError) as caught:
        load_recipe("tiny")
    assert str(caught.value).startswith(f"{RECIPE} {message}") and "\n" not in str(caught.value)


def test_simulation_belongs_to_the_demo_dataset(project):
    project.write(RECIPE, '[recipe]\ndatasets = ["math"]\n[simulation]\nseed = 1\n')
    with pytest.raises(UserError, match="only recipes of the demo dataset simulate"):
        load_recipe("tiny")


def test_the_legacy_method_knows_no_targets(project):
    project.change(RECIPE, "weights.method", '"legacy"')
    assert load_recipe("tiny").weights.method == "legacy"
    project.change(RECIPE, "weights.targets.gender", "{ F = 0.6, M = 0.4 }")
    with pytest.raises(UserError, match=r"\[weights\] targets: the legacy method knows no targets"):
        load_recipe("tiny")


def test_absent_recipe_is_said_with_the_nearest_name(project):
    with pytest.raises(
        UserError, match=r"config/dataset/tinny.toml: no such config file; did you mean tiny\?"
    ):
        load_recipe("tinny")


def mixture(project, *tables: str):
    project.write("config/default.toml", "\n".join(['[data]\nroot = "a"\noutput_root = "b"', *tables]) + "\n")
    project.write(RECIPE, '[recipe]\ndatasets = ["math", "seed"]\n')
    return load_recipe("tiny", load_settings())


def test_settings_fill_what_a_recipe_leaves_open(project):
    ranges = ("[datasets.math]\nmin_db = -9.0\nmax_db = 5.0", "[datasets.seed]\nmin_db = -7.0\nmax_db = 8.0")
    recipe = mixture(project, "max_sampling_weight = 4.0", *ranges)
    assert (recipe.spectrogram.min_db, recipe.spectrogram.max_db) == (-9.0, 8.0)
    assert recipe.weights.max_sampling_weight == 4.0
    project.change(RECIPE, "weights.max_sampling_weight", "2.0")
    project.change(RECIPE, "spectrogram.min_db", "0.0")
    project.change(RECIPE, "spectrogram.max_db", "1.0")
    recipe = load_recipe("tiny", load_settings())
    assert (recipe.spectrogram.min_db, recipe.spectrogram.max_db) == (0.0, 1.0)
    assert recipe.weights.max_sampling_weight == 2.0


def test_a_range_for_some_datasets_only_is_refused(project):
    with pytest.raises(UserError, match=r"\[spectrogram\] min_db: the settings give a dB range for some"):
        mixture(project, "[datasets.math]\nmin_db = -9.0\nmax_db = 5.0")


def test_an_unknown_dataset_is_refused_with_the_nearest_name(project):
    project.write(RECIPE, '[recipe]\ndatasets = ["longitudnal"]\n')
    with pytest.raises(UserError, match=r"\[recipe\] datasets: longitudnal .* did you mean longitudinal\?"):
        load_recipe("tiny", load_settings())
