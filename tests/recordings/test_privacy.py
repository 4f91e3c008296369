"""What is known of a person from a header, whole or damaged, reaches no output, log, figure or image."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from signal_diffusion.config import load_recipe, load_settings
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets
from signal_diffusion.recordings.batches import checksums_digest, jobs_text
from signal_diffusion.recordings.formats import read, read_header

from .planted import PLANT, SECRETS, hits, png_texts

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[data]
root = "raw"
output_root = "work"
[datasets.mine]
kind = "folder"
files = "sub-{subject}.*"
table = "people.csv"
id = "id"
columns = {gender = "sex", age = "age"}
"""
RECIPE = """
[recipe]
datasets = ["mine"]
[channels]
set = ["Fp1", "Fp2", "C3", "C4", "O1", "O2"]
[signal]
nsamps = 512
[spectrogram]
resolution = 32
window = 128
[splits]
train = 0.5
val = 0.25
test = 0.25
stratify = []
[captions]
fields = ["age", "gender"]
[export]
imagefolder = true
parquet = true
"""
INTACT, HURT = 2, 3  # recordings of each format
COMMENT = 15  # only a comment of this BrainVision header is hurt


def damage(path: Path, kind: int) -> None:
    """Cut off; shifted by an odd number of bytes, so that texts stand in other fields; text in place of numbers."""
    content = bytearray(path.read_bytes())
    if kind == 0:
        content = content[: len(content) // 2]
    elif kind == 1:
        content[100:100] = content[8:63]
    else:
        place = {
            ".edf": 236,
            ".cnt": 864,
            ".set": content.find(b"Fp1") or 0,
            ".vhdr": content.find(b"200\n[") or 0,
        }
        at = place[path.suffix]
        content[at : at + 8] = b"Margaret"
        if path.suffix == ".cnt":
            content[370:378] = b"HOSP4711"
        if path.suffix == ".vhdr":
            content = content.replace(b"0.1,", b"fell off a horse,").replace(
                b"Channels=7", b"Channels=Margaret"
            )
    path.write_bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Raw recordings of every format, two intact and three damaged, with settings and recipe."""
    folder = tmp_path_factory.mktemp("privacy")
    raw = folder / "raw" / "mine"
    raw.mkdir(parents=True)
    rows = ["id,sex,age"]
    for number, (suffix, plant) in enumerate(list(PLANT.items()) * (INTACT + HURT)):
        path = raw / f"sub-{number:02}{suffix}"
        plant(path, number)
        rows.append(f"{number:02},{'FM'[number % 2]},{30 + number}")
        if number >= INTACT * len(PLANT):
            damage(path, number // len(PLANT) - INTACT)
    (raw / "people.csv").write_text("\n".join(rows))
    (folder / "settings.toml").write_text(SETTINGS)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def run(folder: Path, script: str, *arguments: str | Path) -> None:
    """A script of the workflow, its log beside its outputs."""
    environment = os.environ | {
        "SIGNAL_DIFFUSION_CONFIG": str(folder / "settings.toml"),
        "PYTHONPATH": str(ROOT / "lib"),
    }
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / f"{script}.py", *arguments],
        capture_output=True, text=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out" / f"{script}.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def outputs(folder, monkeypatch_module=None) -> list[Path]:
    """All that the workflow makes of the folder, from the index to the data page."""
    out, recipe = folder / "out", folder / "recipe.toml"
    options = load_settings(folder / "settings.toml").datasets["mine"]
    entries = datasets.get("mine", options).list_recordings(folder / "raw" / "mine")
    run(folder, "index", "--dataset", "mine", "--root", folder / "raw" / "mine", "--out", out / "mine.csv")
    batch = out / "shards" / "mine" / "batch-0-of-1.json"
    run(
        folder,
        "shard_batch",
        "--recipe",
        recipe,
        "--recordings",
        jobs_text(entries),
        "--verify",
        checksums_digest(entries),
        "--out",
        batch,
    )
    shards = ("--shards", out / "shards")
    run(
        folder,
        "build_dataset",
        "--recipe",
        recipe,
        "--index",
        out / "mine.csv",
        *shards,
        "--out",
        out / "set",
    )
    run(folder, "data_page", "--dataset", out / "set", *shards, "--out", out / "page")
    return sorted(path for path in out.rglob("*") if path.is_file())


def test_the_secrets_are_in_the_raw_files(folder):
    for suffix in PLANT:
        parts = [path.read_bytes() for path in (folder / "raw" / "mine").glob(f"sub-0[0-3]{suffix}")]
        for secret in SECRETS:
            forms = [secret.encode(), secret.encode("utf-16-le"), secret.replace(", ", " ").encode()]
            if secret == "01-FEB-1970" and suffix in (".set", ".vhdr"):
                continue
            assert any(form in part for part in parts for form in forms), (suffix, secret)


def test_a_secret_would_be_found(tmp_path):
    text = b"zTXtComment\0\0" + zlib.compress(b"seen: Margaret")
    chunk = struct.pack(">I", len(text) - 4) + text + bytes(4)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    assert hits([tmp_path / "a.png"]) == [("a.png", "Margaret")]
    (tmp_path / "a.log").write_text("HOSP4711")
    assert hits([tmp_path / "a.log"]) == [("a.log", "HOSP4711")]


def test_nothing_of_a_person_leaves_the_headers(outputs):
    kinds = {path.suffix for path in outputs}
    assert {".csv", ".safetensors", ".npy", ".json", ".md", ".png", ".parquet", ".log", ".html"} <= kinds
    assert hits(outputs) == []


def test_intact_recordings_are_used_and_damaged_ones_refused(folder, outputs):
    recipe = load_recipe(folder / "recipe.toml")
    rows = (folder / "out" / "mine.csv").read_text().splitlines()
    assert len(recipe.channels.set) == 6 and len(rows) == 1 + (INTACT + HURT) * len(PLANT)
    log = (folder / "out" / "shard_batch.log").read_text()
    for number in range((INTACT + HURT) * len(PLANT)):
        line = next(line for line in log.splitlines() if line.startswith(f"{number:02}: "))
        assert (": found " in line) == (number >= INTACT * len(PLANT) and number != COMMENT), line


def test_no_reader_repeats_what_it_refuses(folder):
    """Whichever channels are asked for, by whichever way."""
    for path in sorted((folder / "raw" / "mine").glob("sub-*")):
        if path.suffix not in PLANT:
            continue
        for ask in (
            read_header,
            read,
            lambda path: read(path, ["Cz"]),
            lambda path: read(path, span=(0.0, 99.0)),
        ):
            try:
                ask(path)
            except UserError as error:
                assert not [secret for secret in SECRETS if secret in str(error)], error
                assert "\n" not in str(error) and str(path) in str(error)


def test_figures_say_nothing_of_where_they_were_made(outputs):
    pictures = [path for path in outputs if path.suffix == ".png"]
    chunks = [chunk for path in pictures for chunk in png_texts(path.read_bytes())]
    assert pictures and not [chunk for chunk in chunks if str(ROOT).encode() in chunk or b"eXIf" == chunk[:4]]
