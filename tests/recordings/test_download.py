"""The downloader against a server that cuts connections, corrupts bytes and lies about lengths."""

import hashlib
import json
import os
import re
import time

import pytest
from signal_diffusion.recordings.datasets import math
from signal_diffusion.recordings.download import folder
from signal_diffusion.recordings.index import index_dataset

from .fetching import BIG, FILES, LARGE, SWIFT, fetch, found, part, refusal
from .publisher import Fault


def test_a_tree_arrives_whole_with_its_list_and_a_second_time_nobody_is_asked(home, out, capsys):
    fetch(home.tree, out)
    assert found(out) == FILES
    assert (out / "SHA256SUMS.txt").read_bytes() == home.checksums()
    assert "verified 6 by SHA-256" in capsys.readouterr().out
    asked = len(home.asked)
    fetch(home.tree, out)
    assert len(home.asked) == asked and "is complete" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == [".download.json"]


def test_a_bucket_arrives_over_all_pages_of_its_list(home, out, capsys):
    home.files |= {"folder/": b"", "many-parts.fdt": b"x" * 1000}
    home.tags["many-parts.fdt"] = "0123456789abcdef0123456789abcdef-3"
    fetch(home.bucket, out)
    assert found(out) == FILES | {"many-parts.fdt": b"x" * 1000}
    assert sum(path == "/bucket" for _, path, _ in home.asked) == 3
    assert "verified 5 by MD5, 1 by size alone" in capsys.readouterr().out


def test_what_the_record_says_can_be_checked_by_anyone(home, out):
    fetch(home.bucket, out)
    record = json.loads((out / ".download.json").read_text())
    assert record["address"] == home.bucket
    md5 = {name: [len(body), f"md5:{hashlib.md5(body).hexdigest()}"] for name, body in FILES.items()}
    assert record["files"] == md5 and list(md5) != sorted(md5) == list(record["files"])


@pytest.mark.parametrize("address", ["tree", "bucket"])
def test_a_cut_connection_goes_on_from_its_last_byte(home, out, address):
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault(cut=1), Fault(cut=500_000), Fault()]
    fetch(getattr(home, address), out)
    assert found(out) == FILES
    assert home.got("chb01_03.edf") == ["", "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_a_server_without_ranges_sends_the_whole_file_again(home, out):
    home.ranges = False
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", "bytes=300000-"]


def test_a_server_that_tells_no_sizes_is_believed_by_its_checksums(home, out):
    home.tells_sizes = False
    home.faults["chb01_03.edf"] = [Fault(cut=300_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES


def test_bytes_that_were_corrupted_once_are_fetched_again(home, out, capsys):
    home.faults["chb01_03.edf"] = [Fault(flip=True), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", ""]
    assert re.search(
        rf"{BIG}: found sha256 \w{{12}}, expected \w{{12}}; fetched once more", capsys.readouterr().out
    )


@pytest.mark.parametrize("address", ["tree", "bucket"])
def test_bytes_that_stay_corrupt_are_refused_by_name_and_the_others_come(home, out, address):
    home.faults["chb01_03.edf"] = [Fault(flip=True)]
    address = getattr(home, address)
    message = refusal(address, out)
    assert re.search(rf"/{BIG}: found \w+ \w{{12}}, expected \w{{12}}, twice", message)
    assert home.got("chb01_03.edf") == ["", ""]
    assert found(out) == {name: body for name, body in FILES.items() if name != BIG}
    assert folder.unfinished(out) and not folder.complete(out, address)


def test_only_what_is_missing_is_fetched_when_the_home_is_well_again(home, out):
    home.faults["chb01_03.edf"] = [Fault(flip=True)]
    refusal(home.tree, out)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.csv")}
    home.asked.clear()
    home.faults.clear()
    fetch(home.tree, out)
    gets = [path for method, path, _ in home.asked if method == "GET"]
    assert gets == ["/tree/SHA256SUMS.txt", f"/tree/{BIG}"]
    assert found(out) == FILES and folder.complete(out, home.tree) and not folder.unfinished(out)
    assert kept == {path: path.stat().st_mtime_ns for path in out.rglob("*.csv")}


def test_a_part_that_is_whole_is_only_checked_and_moved(home, out):
    part(home, out, FILES[BIG])
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == []


@pytest.mark.parametrize("left", [FILES[BIG] + b"more", bytes(400_000)])
def test_a_part_that_cannot_be_right_is_fetched_anew(home, out, left):
    part(home, out, left)
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf")[-1] == ""


def test_a_complete_folder_that_was_changed_is_not_called_complete(home, out):
    fetch(home.tree, out)
    (out / ".download").mkdir()
    asked = len(home.asked)
    fetch(home.tree, out)
    assert len(home.asked) == asked + 1 and not folder.unfinished(out)
    os.truncate(out / BIG, 500_000)
    assert f"{BIG}: found sha256" in refusal(home.tree, out)


def test_a_deleted_file_comes_back(home, out):
    fetch(home.tree, out)
    (out / "subject-info.csv").unlink()
    fetch(home.tree, out)
    assert found(out) == FILES and len(home.got("subject-info.csv")) == 2


def test_a_body_longer_than_the_file_is_refused(home, out):
    home.faults["chb01_03.edf"] = [Fault(extra=b"more")]
    assert f"found {LARGE + 4} bytes, expected {LARGE}, twice" in refusal(home.tree, out)


def test_a_body_that_ends_early_without_saying_so_is_gone_on_with(home, out):
    home.faults["chb01_03.edf"] = [Fault(cut=400_000, claim=400_000), Fault()]
    fetch(home.tree, out)
    assert found(out) == FILES and home.got("chb01_03.edf") == ["", "bytes=400000-"]


def test_a_length_that_no_body_reaches_ends_in_one_line(home, out):
    home.files[BIG] += b"0123456789"  # HEAD and the list of checksums speak of these, no body has them
    home.faults["chb01_03.edf"] = [Fault(cut=LARGE, claim=LARGE + 10), Fault(cut=0)]
    assert re.search(rf"{BIG}: .*3 attempts in a row brought nothing", refusal(home.tree, out))


def test_a_busy_server_is_asked_again_after_as_long_as_it_says(home, out, capsys):
    home.faults["subject-info.csv"] = [Fault(status=503, retry_after="1"), Fault(status=429), Fault()]
    started = time.monotonic()
    fetch(home.tree, out)
    assert found(out) == FILES and len(home.got("subject-info.csv")) == 3
    assert time.monotonic() - started > min(1, 10 * SWIFT.longest)
    assert "503 Service Unavailable; goes on in 0.5 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "times", "says"),
    [
        (503, 3, "503 Service Unavailable; 3 attempts in a row brought nothing"),
        (404, 1, "404 Not Found"),
        (403, 1, "403 Forbidden; it may want a name and password, in ~/.netrc"),
    ],
)
def test_a_file_that_is_not_given_is_refused_by_name(home, out, status, times, says):
    home.faults["chb01_03.edf"] = [Fault(status=status)]
    assert f"mit: {home.tree}{BIG}: {says}; run it again" in refusal(home.tree, out)
    assert len(home.got("chb01_03.edf")) == times
    assert len(found(out)) == len(FILES) - 1


def test_where_all_are_refused_not_all_are_asked_for(home, out):
    home.files = {f"{number:03}.edf": b"x" for number in range(200)}
    home.faults = {name: [Fault(status=404)] for name in home.files}
    assert re.search(r"mit: \S+/tree/\d{3}\.edf: 404 Not Found \(and 9 more", refusal(home.tree, out))
    assert 10 <= sum(method == "GET" for method, _, _ in home.asked) <= 20


def test_where_nobody_listens_it_ends_in_one_line(home, out):
    address = home.tree
    home.shutdown()
    home.server_close()
    assert re.search(r"/tree/SHA256SUMS.txt: .*Connection refused; 3 attempts", refusal(address, out))
    assert not out.exists()


def test_eegmat_is_read_from_the_folder_as_it_is_downloaded(home, out, shared):
    real = shared / "data/eegmat"
    home.files = {path.name: path.read_bytes() for path in real.iterdir() if path.name != "SHA256SUMS.txt"}
    fetch(home.tree, out)
    entries, expected = math.list_recordings(out), math.list_recordings(real)
    assert len(entries) == 24 and out not in expected[0].path.parents
    assert [(entry.recording, entry.labels) for entry in entries] == [
        (entry.recording, entry.labels) for entry in expected
    ]
    assert [row for row in index_dataset("math", out) if row["status"] != "ok"] == []
