"""The pages that tell how a run was made, from records and benchmarks as Snakemake writes them."""

import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from signal_diffusion.errors import UserError
from signal_diffusion.records import Job
from signal_diffusion.report.html import from_markdown
from signal_diffusion.report.overview import write_overview
from signal_diffusion.report.resources import (
    RuleUse,
    Used,
    read_benchmark,
    resources_figure,
    resources_page,
    rule_uses,
)
from signal_diffusion.report.stages import WORDS, direct, stages, stages_figure

# Pages and measurements, which no run is made from.
NOT_BEHIND_A_RUN = set(
    "data_page measure_calls measure_db_range model_costs overview plot_calls profile_training".split()
)
RUN, DATASET = "results/diffusion/it", "results/dataset/it-db-only"
VALUES = '["values", "config/dataset/it.toml", "shards", [], {"signal.fs": 125.0, "channels.set": "1020-8"}]'
HEADER = (
    "s h:m:s max_rss max_vms max_uss max_pss io_in io_out mean_load cpu_time jobid rule_name wildcards params"
)
HEADER = "\t".join([*HEADER.split(), "threads", "cpu_usage", "resources", "input_size_mb"])
LINE = (
    "{s}\t0:00:10\t{mb}\t9\t9\t9\t0\t0\t50\t{cpu}\t1\tshards\t{{}}\t{{'v': '[\"x\"]'}}\t2\t5\t{asked}\t{{}}"
)
ASKED = "{'tmpdir': '/tmp', 'runtime': 10, 'mem_mb': 4000, 'mem': '4 GB', '_cores': 2}"


def benchmark(path, seconds=10.0, memory=1000.0, cores=5.0, asked=ASKED):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\n{LINE.format(s=seconds, mb=memory, cpu=cores, asked=asked)}\n")


def job(rule, log, inputs, outputs, began, params=()):
    return Job(rule, log, f"exec {rule}", tuple(inputs), params, began, began + 5, list(outputs))


JOBS = [
    job("shards", "logs/shards/a.log", ["raw/1.edf"], ["work/a"], 100, (VALUES,)),
    job("shards", "logs/shards/b.log", ["raw/2.edf"], ["work/b"], 110, (VALUES,)),
    job("index", "logs/index/it.log", ["raw/1.edf", "raw/2.edf"], ["work/it.csv"], 105),
    job("dataset", "logs/dataset/it.log", ["work/a", "work/b", "work/it.csv"], [DATASET], 120),
    job("new_rule", "logs/new_rule/it.log", [DATASET], ["work/new"], 130),
    job("publish_diffusion", "logs/publish_diffusion/it.log", [DATASET, "work/new"], [RUN], 140),
]


def test_stages_stand_in_the_order_of_the_way_from_files_to_the_result():
    found = stages(JOBS)
    assert [stage.rule for stage in found] == ["shards", "index", "dataset", "new_rule", "publish_diffusion"]
    assert [stage.depth for stage in found] == [0, 0, 1, 2, 3]
    assert found[0].seconds == 10 and found[3].title == "New rule"


def test_links_that_others_imply_are_not_drawn():
    assert direct({("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}) == {("a", "b"), ("b", "c"), ("a", "d")}


def test_a_run_on_windows_that_another_run_drew_goes_through_its_rules_twice():
    drawn = [
        job("train_diffusion", "logs/train_diffusion/one.log", [DATASET], ["work/one"], 150),
        job("publish_diffusion", "logs/publish_diffusion/one.log", ["work/one"], ["results/one"], 160),
        job("generate_synthetic_dataset", "logs/g/x.log", ["results/one", DATASET], ["results/x"], 170),
        job("train_diffusion", "logs/train_diffusion/two.log", ["results/x"], ["work/two"], 180),
        job("publish_diffusion", "logs/publish_diffusion/two.log", ["work/two"], ["results/two"], 190),
    ]
    found = stages([*JOBS[:4], *drawn])
    assert [(stage.rule, stage.depth) for stage in found[3:]] == [
        ("train_diffusion", 2), ("publish_diffusion", 3), ("generate_synthetic_dataset", 4),
        ("train_diffusion 2", 5), ("publish_diffusion 2", 6),
    ]  # fmt: skip
    assert found[-2].title == "Training 2" and found[-2].words == WORDS["train_diffusion"][1]
    assert len(stages_figure([*JOBS[:4], *drawn]).axes) == 1


def test_what_a_rule_used_stands_beside_what_it_asked_for(tmp_path):
    benchmark(tmp_path / "benchmarks/shards/a.tsv", 10, 1000, 5)
    benchmark(tmp_path / "benchmarks/shards/b.tsv", 30, 500, 35, ASKED.replace("4000", "8000"))
    [use] = rule_uses(JOBS, tmp_path)
    assert use.time == (30, 600) and use.median_seconds == 20
    assert use.memory == (1000, 8000) and use.cores == (1.0, 2.0)
    assert len(resources_figure([use]).axes) == 3


def test_cores_that_were_not_measured_are_no_idle_cores_and_many_are_a_plain_number():
    unmeasured = Used(0.1, None, None, asked_cores=128)
    use = RuleUse("shards", [unmeasured, Used(10.0, 20.0, 100.0, asked_cores=128)])
    assert use.cores == (2.0, 128)
    page = "".join(resources_page([use, RuleUse("index", [unmeasured])], ""))
    assert "<td>2</td><td>128</td><td>0:20</td>" in page
    assert "<td>not recorded</td><td>128</td><td>not recorded</td>" in page


def test_a_benchmark_without_requests_or_measures_is_read_all_the_same(tmp_path):
    path = tmp_path / "short.tsv"
    path.write_text("s\th:m:s\tmax_rss\tmean_load\tcpu_time\n0.1\t0:00:00\tNA\tNA\tNA\n")
    [used] = read_benchmark(path)
    assert (used.seconds, used.memory_mb, used.asked_mb, used.asked_seconds) == (0.1, None, None, None)


def test_a_card_keeps_its_tables_and_pictures_and_no_front_matter(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    card = (
        "---\nlicense: unknown\n---\n\n# Card\n\n| a | b |\n| --- | --- |\n| 1 | <2> |\n\n![words](a.png)\n"
    )
    (tmp_path / "README.md").write_text(card)
    text = from_markdown(tmp_path / "README.md")
    assert "license" not in text and "<td>1</td>" in text and "&lt;2&gt;" in text
    assert 'alt="words" src="data:image/png;base64,' in text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Records, benchmarks, and a dataset of which one recording was refused."""
    monkeypatch.chdir(tmp_path)
    for each in JOBS:
        benchmark(tmp_path / each.log.replace("logs", "logs/benchmarks").replace(".log", ".tsv"))
        for output in each.outputs:
            record = {
                "rule": each.rule, "log": [each.log], "input": each.inputs, "shellcmd": each.command,
                "params": list(map(repr, each.params)), "starttime": each.began, "endtime": each.ended,
            }  # fmt: skip
            path = tmp_path / ".snakemake/metadata" / urlsafe_b64encode(output.encode()).decode()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record))
    for made in (RUN, DATASET):
        (tmp_path / made).mkdir(parents=True)
        (tmp_path / made / "README.md").write_text(f"# Card of {made}\n")
    spec = {
        "channels": ["O1", "O2"], "fs": 125.0, "nsamps": 500, "representation": "db-only",
        "counts": {"train": {"windows": 90, "recordings": 1, "subjects": 1}},
    }  # fmt: skip
    (tmp_path / DATASET / "dataset.json").write_text(json.dumps(spec))
    (tmp_path / DATASET / "recordings.csv").write_text(
        "dataset,subject,recording,file,status,reason,used_s\n"
        "it,s1,r1,1.edf,used,,3600\nit,s2,r2,2.edf,refused,truncated: 5 bytes short,\n"
    )
    return tmp_path


def test_a_stranger_learns_what_was_done_to_the_data(folder):
    write_overview(
        folder.joinpath(RUN).relative_to(folder), folder.joinpath(DATASET).relative_to(folder), folder / "out"
    )
    text = re.sub(r"\s+", " ", (folder / "out/overview.html").read_text())
    assert (
        "2 raw files hold 2 recordings of 2 people (it). 1 recordings were refused; 1 hours of the others"
        in text
    )
    assert "2 channels at 125 Hz in windows of 4 s" in text and "train 90 windows of 1 people" in text
    assert "<td>2.edf</td><td>truncated: 5 bytes short</td>" in text
    assert "<td>signal.fs</td><td>125.0</td>" in text and "exec shards" in text
    assert "4000 MB" in (folder / "out/resources.html").read_text()
    assert "Card of results/diffusion/it" in (folder / "out/run.html").read_text()
    assert "Card of results/dataset/it-db-only" in (folder / "out/dataset.html").read_text()


def told(folder, spec, recordings=None):
    """The words of the overview of a dataset with this dataset.json."""
    (folder / DATASET / "dataset.json").write_text(json.dumps(spec))
    (folder / DATASET / "recordings.csv").unlink()
    if recordings is not None:
        (folder / DATASET / "recordings.csv").write_text(recordings)
    run, dataset = (folder.joinpath(made).relative_to(folder) for made in (RUN, DATASET))
    write_overview(run, dataset, folder / "out")
    return re.sub(r"\s+", " ", (folder / "out/overview.html").read_text())


COUNTS = {"train": {"windows": 90, "recordings": 9, "subjects": 80}}


def test_people_of_two_datasets_may_have_one_name_and_many_hours_are_a_plain_number(folder):
    spec = {"channels": ["O1"], "fs": 125.0, "nsamps": 500, "representation": "db-only", "counts": COUNTS}
    rows = "dataset,subject,recording,file,status,reason,used_s\na,01,r,1.edf,used,,450000\nb,01,r,2.edf,used,,0\n"
    text = told(folder, spec, rows)
    assert "2 recordings of 2 people (a, b)" in text and "125 hours of the others" in text


def test_images_from_elsewhere_have_no_recordings_and_no_people(folder):
    spec = {"representation": "images", "planes": ["grey"], "resolution": 32, "counts": COUNTS}
    text = told(folder, spec)
    assert "90 images of 32 x 32 pixels (grey) were made from 2 raw files." in text
    assert (
        "train 90 images of 80 groups." in text
        and "People, not windows, were split" not in text
        and "were refused<" not in text
    )


@pytest.mark.parametrize(
    ("real", "said"), [("held-out", "All training windows were"), ("all", "beside the real")]
)
def test_nobody_is_counted_behind_windows_that_a_model_drew(folder, real, said):
    spec = {"representation": "db-only", "generated_by": {"model": "demo"}, "real": real, "counts": COUNTS}
    text = told(folder, spec)
    assert (
        said in text and "drawn from the diffusion model demo" in text and "Windows by part: train 90" in text
    )
    assert "80 people" not in text


def test_a_run_that_was_made_elsewhere_is_said_to_be(folder):
    (folder / ".snakemake/metadata").rename(folder / "elsewhere")
    with pytest.raises(UserError, match=r"no record of how results/diffusion/it was made.*snakemake"):
        write_overview(folder.joinpath(RUN).relative_to(folder), folder / DATASET, folder / "out")


def test_every_rule_that_makes_a_result_is_told_in_words():
    rules = Path(__file__).resolve().parents[2] / "rules"
    names = {
        name for path in rules.glob("*.smk") for name in re.findall(r"^rule (\w+):", path.read_text(), re.M)
    }
    assert WORDS.keys() <= names and names - WORDS.keys() <= NOT_BEHIND_A_RUN
