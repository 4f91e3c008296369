import os
import subprocess
import sys
from pathlib import Path

import pytest
from signal_diffusion.config import dataset_address, load_settings, missing_dataset_message, work_root
from signal_diffusion.errors import UserError


def test_order_is_argument_then_environment_then_default(project, monkeypatch):
    body = '[data]\nroot = "a"\noutput_root = "b"\n'
    one, two = project.write("one.toml", body), project.write("two/two.toml", body)
    assert load_settings().path == project.root / "config/default.toml"
    monkeypatch.setenv("SIGNAL_DIFFUSION_CONFIG", "two/two.toml")
    assert load_settings().path == two
    assert load_settings("one.toml").path == one


def test_path_rules(project, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    project.write(
        "elsewhere/s.toml",
        '[data]\nroot = "raw"\noutput_root = "~/work"\n'
        '[datasets.math]\nroot = "eegmat"\n[datasets.longitudinal]\nroot = "./here"\n'
        '[datasets.seed]\nroot = "../beside"\n'
        '[datasets.mit]\nroot = "/abs/mit"\n[datasets.own]\nroot = "~/own"\n',
    )
    settings = load_settings("elsewhere/s.toml")
    folder = project.root / "elsewhere"
    assert settings.data.root == folder / "raw"
    assert work_root(settings) == Path("/home/somebody/work")
    roots = {name: each.root for name, each in settings.datasets.items()}
    assert roots == {
        "math": folder / "raw" / "eegmat",
        "seed": project.root / "beside",
        "mit": Path("/abs/mit"),
        "own": Path("/home/somebody/own"),
        "parkinsons": folder / "raw" / "parkinsons",
        "longitudinal": folder / "here",
    }


def test_defaults_are_the_documented_ones(project):
    settings = load_settings()
    assert settings.hf_models.stable_diffusion_model_id == "stabilityai/stable-diffusion-3.5-medium"
    assert (settings.data.output_type, settings.data.data_type) == ("db-only", "spectrogram")
    assert settings.data.max_sampling_weight is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[data]\nroot = 'a'\n", "s.toml [data] output_root: missing"),
        ("[data]\nroot = 1\noutput_root = 'b'\n", "s.toml [data] root: found 1, expected"),
        ("data = 3\n", "s.toml data: found 3, expected a table"),
        (
            "[data]\nroot = 'a'\noutput_rot = 'b'\n",
            "s.toml [data] output_rot: unknown key; did you mean output_root?",
        ),
        ("[dat]\n", "s.toml [dat]: unknown section; did you mean [data]?"),
        ("[data\n", "s.toml: not valid TOML: "),
        ("path = 'x'\n", "s.toml path: the file itself says it"),
        (
            "[data]\nroot = 'a'\noutput_root = 'b'\n[datasets.math]\nmin_db = 1.0\n",
            "s.toml [datasets.math] min_db: is half a range",
        ),
        (
            "[data]\nroot = 'a'\noutput_root = 'b'\n[datasets.math]\nmin_db = 1.0\nmax_db = 0.5\n",
            "s.toml [datasets.math] max_db: 0.5 dB is not above",
        ),
        (
            "[data]\nroot = 'a'\noutput_root = 'b'\n[datasets.math]\nurl = 'ftp://host/eegmat/'\n",
            "s.toml [datasets.math] url: is no address of a dataset; expected https://HOST/FOLDER/",
        ),
        (
            "[data]\nroot = 'a'\noutput_root = 'b'\n[datasets.math]\nrot = 'x'\n",
            "s.toml [datasets.math] rot: unknown key; did you mean root?",
        ),
    ],
)
def test_mistakes_end_in_one_line_with_file_section_and_key(project, body, message):
    project.write("s.toml", body)
    with pytest.raises(UserError) as caught:
        load_settings("s.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_may_begin_with_the_mark_of_windows_editors(project):
    text = "[data]\nroot = 'a'\noutput_root = 'b'\n"
    (project.root / "s.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_settings("s.toml").data.root == project.root / "a"


def test_absent_settings_file_is_said_with_the_nearest_name(project):
    with pytest.raises(UserError, match=r"config/defautl.toml: no such config file; did you mean default\?"):
        load_settings("config/defautl.toml")


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("math", "eegmat/1.0.0"),
        ("parkinsons", "ds004584"),
        ("longitudinal", "ds005385"),
        ("mit", "chbmit"),
        ("seed", "BCMI"),
    ],
)
def test_missing_dataset_says_path_key_and_source(project, name, how):
    message = missing_dataset_message(load_settings(), name)
    assert str(project.root / "data" / name) in message
    assert f"config/default.toml [datasets.{name}] root" in message
    assert how in message and "\n" not in message


def test_a_missing_dataset_is_downloaded_with_the_settings_that_name_its_folder(project):
    mine = project.write("my settings.toml", '[data]\nroot = "a"\noutput_root = "b"\n')
    assert "by `snakemake data/math`, or" in missing_dataset_message(load_settings(), "math")
    command = "snakemake --config 'settings=my settings.toml' -- data/math"
    assert f"by `{command}`, or" in missing_dataset_message(load_settings(mine), "math")
    assert "snakemake" not in missing_dataset_message(load_settings(), "seed")


def test_a_dataset_is_downloaded_from_its_home_or_from_where_the_settings_say(project):
    assert dataset_address(load_settings(), "mit") == "https://physionet.org/files/chbmit/1.0.0/"
    project.change("config/default.toml", "datasets.seed.url", '"https://lab.example/seed-v"')
    project.change("config/default.toml", "datasets.mit.url", '"s3+http://store.example/bucket/chbmit/"')
    assert dataset_address(load_settings(), "seed") == "https://lab.example/seed-v/"
    assert dataset_address(load_settings(), "mit") == "s3+http://store.example/bucket/chbmit/"
    assert dataset_address(load_settings(), "mit", "http://host/a") == "http://host/a/"
    with pytest.raises(UserError, match="^mit: is no address of a dataset; expected https"):
        dataset_address(load_settings(), "mit", "physionet.org/files")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("seed", "seed: cannot be downloaded; apply for SEED-V at BCMI, Shanghai Jiao Tong University"),
        ("mine", "mine: cannot be downloaded; it is published nowhere, or set config/default.toml"),
        ("sead", "sead: no such dataset in config/default.toml; it has longitudinal, math, mine, mit"),
    ],
)
def test_a_dataset_that_cannot_be_downloaded_says_what_to_do_in_one_line(project, name, says):
    project.change("config/default.toml", "datasets.mine.root", '"mine"')
    with pytest.raises(UserError) as caught:
        dataset_address(load_settings(), name)
    assert str(caught.value).startswith(says) and "\n" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_shown(project):
    project.change("config/default.toml", "datasets.mit.url", '"https://me:secret@lab.example/mit/"')
    with pytest.raises(UserError, match=r"\[datasets.mit\] url: .*~/.netrc") as caught:
        load_settings()
    assert "secret" not in str(caught.value)


def test_loading_stays_light():
    """Start-up matters in every job: pydantic and the standard library, and little time of its own.

    The bound is 0.3 s of processor time, or three imports of pydantic where the machine is busy or slow.
    """
    root = Path(__file__).resolve().parents[2]
    code = (
        "import sys, time; a = time.process_time(); import pydantic, pydantic.main, pydantic.fields; "
        "b = time.process_time(); from signal_diffusion.config import load_settings; load_settings(); "
        "c = time.process_time(); print(b - a, c - b, *sorted(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root / "lib")}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "torch", "mne", "scipy", "yaml"} & set(out[2:])
    assert float(out[1]) < max(0.3, 3 * float(out[0]))
