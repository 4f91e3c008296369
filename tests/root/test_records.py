"""What made a result, from records as Snakemake 9 writes them."""

import json
from base64 import urlsafe_b64encode

import pytest
from signal_diffusion.records import history, links, raw_files

LONG = "work/" + 300 * "x"
#        output        rule      log               inputs
MADE = [
    ("work/a", "read", "logs/read/a.log", ["raw/1.edf", "raw/2.edf"]),
    ("work/b", "read", "logs/read/b.log", ["raw/2.edf"]),
    (LONG, "join", "logs/join/it.log", ["work/a", "work/b"]),
    ("work/beside", "join", "logs/join/it.log", ["work/a", "work/b"]),
    ("results/it", "publish", "logs/publish/it.log", [LONG, "work/beside"]),
    ("results/other", "publish", "logs/publish/other.log", [LONG]),
]


@pytest.fixture
def metadata(tmp_path):
    for number, (output, rule, log, inputs) in enumerate(MADE):
        record = {
            "rule": rule, "log": [log], "input": inputs, "shellcmd": f"make {output}", "starttime": number,
            "endtime": number + 0.5, "params": [repr("text"), repr([1, 2]), "no literal"],
        }  # fmt: skip
        name = urlsafe_b64encode(output.encode()).decode()
        parts = [name[start : start + 254] for start in range(0, len(name), 254)]
        path = tmp_path.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    return tmp_path


def test_the_jobs_behind_a_result_are_found_and_no_others(metadata):
    jobs = history("results/it/", metadata)
    assert [job.rule for job in jobs] == ["read", "read", "join", "publish"]
    assert sorted(jobs[2].outputs) == sorted([LONG, "work/beside"])
    assert jobs[0].params == ("text", [1, 2], "no literal") and jobs[0].command == "make work/a"


def test_what_leads_from_files_to_a_result(metadata):
    jobs = history("results/it", metadata)
    assert links(jobs) == {("read", "join"), ("join", "publish")}
    assert raw_files(jobs) == {"read": ["raw/1.edf", "raw/2.edf"]}


def test_a_result_without_a_record_has_no_history(metadata):
    assert history("results/copied", metadata) == []
