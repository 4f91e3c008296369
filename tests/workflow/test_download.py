"""Downloads as targets: `snakemake data/NAME`, which nothing else asks for."""

import functools
import hashlib
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

FILES = {"subject-info.csv": "Subject,Age,Gender\nSubject00,21,F\n", "Subject00_1.edf": "rest"}


@pytest.fixture
def mirror(tmp_path_factory, monkeypatch) -> str:
    """The address of a small EEGMAT."""
    folder = tmp_path_factory.mktemp("mirror")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    sums = (f"{hashlib.sha256(text.encode()).hexdigest()} {name}\n" for name, text in FILES.items())
    (folder / "SHA256SUMS.txt").write_text("".join(sums))
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_each_public_dataset_is_a_target_with_and_without_a_slash(project):
    targets = ("data/math", "data/parkinsons/", "data/longitudinal", "data/mit/")
    plan = project.run("snakemake", "-n", "--quiet", "rules", "--", *targets).stdout
    jobs = re.findall(r"^(\S*(?:data/|download)\S*) +1$", plan, re.MULTILINE)
    names = [target.strip("/").removeprefix("data/") for target in targets]
    assert set(jobs) == {*targets, *(f"download_{name}" for name in names)}


def test_a_folder_that_is_two_datasets_is_downloaded_as_the_one_that_is_asked_for(project):
    again = '[datasets.again]\nkind = "folder"\nroot = "math"\nfiles = "{subject}_{activity}.edf"\n'
    project.edit("config/default.toml", lambda text: f"{text}\n{again}")
    assert project.planned("data/math") == {"data/math": 1, "download_math": 1}


def test_what_cannot_be_downloaded_says_how_to_get_it_in_one_line(project):
    done = project.run("snakemake", "data/seed", check=False)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and "Traceback" not in done.stdout
    assert "apply for SEED-V" in line and "bcmi.sjtu.edu.cn" in line
    assert str(project.folder / "data/seed") in line and "[datasets.seed] url" in line


def test_a_download_fills_the_folder_of_the_settings_once(project, mirror):
    project.environment["NO_PROXY"] = "127.0.0.1"
    project.edit(
        "config/default.toml",
        lambda text: text.replace('root = "math"', f'root = "../raw"\nurl = "{mirror}"'),
    )
    done = project.run("snakemake", "--", "data/math")
    raw = project.folder / "raw"
    assert {name: (raw / name).read_text() for name in FILES} == FILES
    assert re.search(r"^math 2\d\d B/2\d\d B .* ETA 0:00 files 3/3$", done.stdout, re.MULTILINE)
    assert not (project.folder / "data").exists()
    assert "complete" in (project.folder / "logs/download/math.log").read_text()
    assert project.planned("data/math/") == {}
    assert project.planned("results/dataset/eegmat-db-only")["index"] == 1

    (raw / ".download").mkdir()
    done = project.run("snakemake", "-n", "results/dataset/eegmat-db-only", check=False)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and "has not ended; `snakemake data/math` goes on with it" in line
