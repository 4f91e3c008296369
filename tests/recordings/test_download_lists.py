"""What a home may publish: lists that are understood, and paths that stay in the dataset's folder."""

import hashlib

import pytest

from .fetching import BIG, FILES, fetch, found, refusal

OUTSIDE = (
    "../outside",
    "a/../../outside",
    "/outside",
    "a//outside",
    "a\\..\\outside",
    "./../outside",
    "a/./b",
    "\x00",
)
OURS = (".download/lock", ".download.json", "x" * 300)


@pytest.mark.parametrize("name", [*OUTSIDE, *OURS])
def test_a_path_that_leaves_the_folder_is_refused_before_anything_is_fetched(home, out, name):
    home.files |= {name: b"x"}
    for address in (home.tree, home.bucket):
        assert "has no place in a dataset's folder" in refusal(address, out)
    assert not out.exists() and not [path for _, path, _ in home.asked if path.endswith(".edf")]


@pytest.mark.parametrize("sums", ["{0} a\n{1} a\n", "{0} a\n{0} a/b\n"])
def test_a_path_that_stands_twice_is_refused(home, out, sums):
    home.sums = sums.format("0" * 64, "1" * 64).encode()
    assert "twice" in refusal(home.tree, out)


@pytest.mark.parametrize(
    ("sums", "says"),
    [
        (b"<html>\nlog in</html>\n", "SHA256SUMS.txt: line 1: found '<html>', expected a SHA-256 and a path"),
        (b"0123 a.edf\n", "line 1: found '0123 a.edf'"),
        (b"\xff\xfe\x00\n", "line 1"),
    ],
)
def test_a_list_that_is_none_is_refused(home, out, sums, says):
    home.sums = sums
    assert says in refusal(home.tree, out)


def test_lists_as_sha256sum_writes_them_are_read(home, out):
    one, two = (hashlib.sha256(FILES[name]).hexdigest() for name in ("subject-info.csv", BIG))
    home.sums = f"{one}  ./subject-info.csv\n\n{two.upper()} *{BIG}\n".encode()
    fetch(home.tree, out)
    assert found(out) == {name: FILES[name] for name in ("subject-info.csv", BIG)}


def test_a_store_that_lists_its_keys_as_they_are_is_understood(home, out):
    home.files = {"chb02_16+.edf": b"x", "100%25 rest.edf": b"y"}
    entries = "".join(f"<Contents><Key>set/{name}</Key><Size>1</Size></Contents>" for name in home.files)
    home.page = lambda query: f"<ListBucketResult>{entries}</ListBucketResult>".encode()
    fetch(home.bucket, out)
    assert found(out) == home.files


def test_a_bucket_that_is_none_empty_or_endless_is_refused(home, out):
    assert "holds no files" in refusal(home.bucket.replace("/set/", "/other/"), out)
    home.endless = True
    assert "says that it goes on, but not where" in refusal(home.bucket, out)
    home.page = lambda query: b"<html>log in</html>"
    assert "found b'<html>log in</html>', expected the list of a bucket" in refusal(home.bucket, out)
