"""The finished run, and what the workflow says when something is wrong."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

from .conftest import ROOT
from .forks import forks

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
DIRECTIVES = [
    "input", "output", "log", "benchmark", "threads", "resources", "params", "message", "conda", "shell",
]  # fmt: skip


def test_one_process_runs_the_tests_that_share_the_finished_run(request):
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@workflow")


def test_the_way_ends_in_one_folder_with_model_samples_metrics_figures_and_card(finished):
    published = finished.folder / "results/diffusion/demo"
    metrics = json.loads((published / "metrics.json").read_text())
    assert metrics["distances"].keys() == {"spectral", "encoder"}
    card = (published / "README.md").read_text()
    trained = (finished.folder / "logs/train_diffusion/demo.log").read_text()
    count = re.search(r"([\d,]+) parameters, ", trained)[1]
    assert card.startswith("---\n") and f"| parameters | {count} |" in card
    assert {path.name for path in (published / "figures").glob("*.png")} >= {"samples.png", "training.png"}
    images = np.load(published / "samples/dataset/synthetic.npy", allow_pickle=False)
    assert images.shape == (64, 1, 32, 32) and images.dtype == np.uint8
    assert (published / "model/model.safetensors").is_file()


def test_nothing_is_left_of_the_checkpoints_and_no_wildcard_in_a_name(finished):
    assert not list(finished.folder.rglob("*{*"))
    assert not list((finished.folder / "work").rglob("manifest.json"))


def test_the_stages_run_by_hand_give_the_same_bytes(finished, tmp_path):
    work = finished.folder / "work"
    for command, made, kept in (
        (
            ["simulate", "--recipe", "demo", "--subjects", "1", "--out", tmp_path],
            "sub-001_rest.cnt",
            "simulated/demo",
        ),
        (
            ["shard", "--recipe", "demo", "--recording", tmp_path / "sub-001_rest.cnt"]
            + ["--out", tmp_path / "sub-001_rest.safetensors"],
            "sub-001_rest.safetensors",
            "shards/demo-db-only/demo",
        ),
        (
            ["index", "--dataset", "demo", "--recipe", "demo", "--root", "work/simulated/demo"]
            + ["--out", tmp_path / "demo-demo.csv"],
            "demo-demo.csv",
            "recordings",
        ),
    ):
        finished.run("python", f"scripts/{command[0]}.py", *map(str, command[1:]))
        assert (tmp_path / made).read_bytes() == (work / kept / made).read_bytes()


def test_every_recording_has_a_place_on_the_data_page(finished):
    folder = finished.folder / "results/recordings/demo-db-only"
    assert "<td>demo</td><td>24</td>" in (folder / "index.html").read_text()
    assert (folder / "sheet-001.png").is_file()
    finished.run("snakemake", "--quiet", "--report", "report.html")
    report = (finished.folder / "report.html").read_text()
    assert "sheet-001.png" in report and "samples.png" in report
    pages = finished.folder / "results/report/diffusion/demo"
    assert {page.stem for page in pages.glob("*.html")} == {"overview", "resources", "run", "dataset"}
    assert "resources.html" in report and "not recorded" not in (pages / "resources.html").read_text()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_itself(finished, script):
    start = forks("torch", "pandas", "matplotlib.figure")
    done = start([f"scripts/{script}", "--help"], finished.folder, finished.environment)
    text = done.stdout
    assert (
        done.returncode == 0
        and text.startswith(f"usage: {script}")
        and len(text.split("options:")[0].split()) > 8
    )


def test_absent_datasets_end_the_dry_run_in_one_line_each(project):
    done = project.run("snakemake", "-n", "results/diffusion/caption/", check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and "Traceback" not in done.stdout
    for name, line in zip(("math", "parkinsons", "seed", "longitudinal"), lines, strict=True):
        assert re.match(rf"error: {name}: no recordings in \S+/data/{name} \(config/default\.toml", line)
        assert f"[datasets.{name}] root" in line and re.search("download|apply", line)


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        ("config/diffusion/demo.toml", ("learning_rate", "learning_rte"), "did you mean learning_rate?"),
        ("config/dataset/demo.toml", ("resolution", "resolutoin"), "did you mean resolution?"),
        (
            "config/dataset/demo.toml",
            ("[splits]", '[splits]\nsplits_file = "no.csv"'),
            "no.csv: no such file",
        ),
        ("config/dataset/demo.toml", ("[splits]", '[splits]\nstratify = ["gendr"]'), "did you mean gender?"),
        ("config/default.toml", ("output_root", "ouput_root"), "did you mean output_root?"),
        (
            "config/diffusion/demo.toml",
            ("[model.extras]", '[data]\ndata_type = "timeseries"\n[model.extras]\nlatent_space = true'),
            "a VAE of images would halve the electrodes' axis",
        ),
        ("config/diffusion/demo.toml", ("[training]", '[training]\nresume = "x"'), "the workflow decides"),
    ],
)
def test_a_mistake_in_a_file_ends_the_dry_run_in_one_line(project, path, change, says):
    project.edit(path, lambda text: text.replace(*change))
    done = project.run("snakemake", "-n", check=False)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and path in line and says in line and "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[generation]", 'labels = ["gendr"]\n[generation]'), "did you mean gender?"),
        (("[generation]", "[generation]\ncfg_scale = 3.0"), "was never without its condition"),
    ],
)
def test_a_mistake_that_only_the_last_job_would_meet_ends_the_dry_run_too(project, change, says):
    path = "config/synthetic/demo-balanced.toml"
    project.edit("config/diffusion/demo.toml", lambda text: text.replace("cfg_dropout = 0.1\n", ""))
    project.edit("config/diffusion/demo.toml", lambda text: text.replace("cfg_scale = 1.5", "cfg_scale = 1"))
    project.edit(path, lambda text: text.replace(*change))
    done = project.run("snakemake", "-n", "results/synthetic/demo-balanced", check=False)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and path in line and says in line and "Traceback" not in done.stdout


def test_recipes_and_synthetic_sets_may_have_dots_in_their_names_as_runs_may(project):
    for kind, before, after in (("dataset", "demo", "v1.2"), ("synthetic", "demo-balanced", "v1.0")):
        folder = project.folder / "config" / kind
        (folder / f"{after}.toml").write_text((folder / f"{before}.toml").read_text())
    assert project.planned("results/dataset/v1.2-db-only")["dataset"] == 1
    assert project.planned("results/synthetic/v1.0")["generate_synthetic_dataset"] == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "error: gone.edf: no such file; correct the path\n"),
        ({"--recording": "rest.edf", "--representation": "db_only"}, "invalid choice: 'db_only'"),
    ],
)
def test_a_mistake_in_an_argument_is_said_and_nothing_is_written(project, given, says):
    (project.folder / "rest.edf").touch()
    given = {"--recipe": "demo", "--recording": "gone.edf", "--out": "rest.safetensors"} | given
    done = project.run(
        "python", "scripts/shard.py", *(word for pair in given.items() for word in pair), check=False
    )
    assert done.returncode == 2 and says in done.stdout and "Traceback" not in done.stdout
    assert not (project.folder / "rest.safetensors").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            ("--config", "setings=config/default.toml"),
            "--config setings: no such key; there is settings alone",
        ),
        (("--config", "settings=5"), "--config settings: found 5, expected the path of a settings file"),
        (("-s", "Snakefile", "-d", "config"), "not the project's folder; start it in "),
    ],
)
def test_a_mistake_at_the_start_ends_it_in_one_line(project, given, says):
    done = project.run("snakemake", "-n", *given, check=False)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and says in line and "Traceback" not in done.stdout


def test_snakemake_may_be_started_elsewhere_with_the_projects_folder(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("else where")
    link = elsewhere / "a link"
    link.symlink_to(project.folder)
    outside = replace(project, folder=elsewhere)
    options = ("-n", "--quiet", "-s", str(link / "Snakefile"))
    refused = outside.run("snakemake", *options, check=False)
    assert refused.returncode == 2 and f"or add `-d '{link}'`" in refused.stdout
    outside.run("snakemake", *options, "-d", str(link))


def test_a_failed_job_shows_its_scripts_one_line(project):
    project.edit("config/support/demo-text.toml", lambda text: text.replace("[8, 8]", "[8, 8]\n# kept"))
    project.edit("scripts/simulate.py", lambda text: text.replace("args.out)", '"/dev/null/x")'))
    done = project.run("snakemake", "work/simulated/demo/sub-000_rest.edf", check=False)
    assert done.returncode == 1 and "/dev/null/x" in done.stdout


def test_a_bad_recording_is_refused_and_the_others_go_on(edited):
    truncated = edited.folder / "work/simulated/demo/sub-002_rest.edf"
    truncated.write_bytes(truncated.read_bytes()[:-5000])
    edited.run("snakemake", "--quiet", "rules", "reason", "host", "--", "results/dataset/demo-db-only")
    refused = (edited.folder / "results/dataset/demo-db-only/refused.csv").read_text()
    assert "sub-002_rest" in refused and "sub-003_rest" not in refused


def test_rules_are_in_order_and_the_snakefile_is_clean(project):
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^rule \w+:$", path.read_text(), flags=re.MULTILINE)[1:]:
            found = re.findall(r"^    (\w+):", rule, re.MULTILINE)
            assert found == [name for name in DIRECTIVES if name in found], path.name
            assert re.search(r'"exec python .*> \{log:q\} 2>&1"', rule, re.DOTALL), path.name
    project.run("snakemake", "--lint")
    project.run("snakefmt", "--check", "Snakefile", "rules")


def test_profiles_do_not_set_the_same_thing():
    keys = [yaml.safe_load(path.read_text()).keys() for path in (ROOT / "profiles").glob("*/config.yaml")]
    assert len(keys) == 2 and not keys[0] & keys[1]


def test_environments_ask_for_what_the_project_asks_for():
    project = (ROOT / "pyproject.toml").read_text()
    for path in (ROOT / "envs").glob("*.yaml"):
        *_, pip = yaml.safe_load(path.read_text())["dependencies"]
        assert [line for line in pip["pip"] if f'"{line}"' not in project] == [], path.name


def test_no_file_of_the_project_holds_a_registry_or_an_absolute_path():
    for name in (
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
        "envs/install.sh",
        "envs/install_gpu.sh",
        ".ci/run",
    ):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|file:|index-url=|(^|[\s\"'=])/(home|opt|root|tmp|work)/", text), name
