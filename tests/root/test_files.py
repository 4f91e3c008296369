"""Atomic files."""

import json
import os

import numpy as np
import pytest
from signal_diffusion import files
from signal_diffusion.errors import RunHeld, UserError


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_file_appears_whole_and_with_ordinary_rights(tmp_path):
    path = tmp_path / "new" / "a.json"
    with files.atomic_path(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".json"
        temporary.write_text("{}")
        assert not path.exists()
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_digests_are_the_published_ones_of_abc(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.digest(tmp_path / "abc", "md5") == "900150983cd24fb0d6963f7d28e17f72"
    assert files.digest(tmp_path / "abc", "sha256") == files.sha256(tmp_path / "abc")
    assert files.sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


def test_json_is_strict(tmp_path):
    files.write_json(tmp_path / "a.json", {"ä": [1, None]})
    assert files.read_json(tmp_path / "a.json") == {"ä": [1, None]}
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})


def test_tensors_keep_values_and_one_metadata_entry_and_equal_bytes(tmp_path):
    tensors = {"b": np.arange(6, dtype=np.float16).reshape(2, 3), "a": np.array([1, 2])}
    for name in ("one", "two"):
        files.save_tensors(tmp_path / name, tensors, {"z": 1, "y": [2], "x": "three"})
    assert files.sha256(tmp_path / "one") == files.sha256(tmp_path / "two")
    arrays, meta = files.load_tensors(tmp_path / "one")
    assert meta == {"z": 1, "y": [2], "x": "three"}
    assert arrays["b"].dtype == np.float16 and np.array_equal(arrays["b"], tensors["b"])
    header = (tmp_path / "one").read_bytes()
    length = int.from_bytes(header[:8], "little")
    assert list(json.loads(header[8 : 8 + length])["__metadata__"]) == ["json"]


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path, seen = tmp_path / "a.txt", []
    files.write_text(path, "old")
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append(path.read_text()), replace(*names)))
    files.write_text(path, "new")
    assert seen == ["old"] and path.read_text() == "new"


def test_a_full_disk_is_said_in_one_line_whoever_finds_it(tmp_path):
    for said in (
        "[Errno 28] No space left on device",
        "100 requested and 50 written",
        "Not enough free space to w",
    ):
        for writing in (files.atomic_path, files.replaced_folder):
            with pytest.raises(UserError, match="out: not written .*; make room"), writing(tmp_path / "out"):
                raise OSError(said)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_written_over(tmp_path):
    (tmp_path / ".a.partial.txt").write_text("much more than the new text")
    (tmp_path / ".b.partial").mkdir()
    (tmp_path / ".b.partial" / "old").touch()
    files.write_text(tmp_path / "a.txt", "new")
    with files.replaced_folder(tmp_path / "b") as folder:
        (folder / "new").touch()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "b", "new"]


def test_two_writers_of_a_file_both_write_it_whole(tmp_path):
    path = tmp_path / "a.txt"
    with files.atomic_path(path) as first:
        first.write_text("first")
        with files.atomic_path(path) as second:
            assert second != first
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first" and [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_second_writer_of_a_folder_is_told(tmp_path):
    with files.replaced_folder(tmp_path / "a") as folder:
        (folder / "one").touch()
        with (
            pytest.raises(RunHeld, match="a is being written by another"),
            files.replaced_folder(tmp_path / "a"),
        ):
            pass
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["one"]
