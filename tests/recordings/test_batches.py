"""Which recordings one process takes together."""

import subprocess
from pathlib import Path

import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.batches import Job, batches, jobs_text, kin, parse_jobs, stored_bytes
from signal_diffusion.recordings.datasets.entry import Entry


def entries(subjects):
    return [
        Entry("x", f"sub-{number:04}", "", f"sub-{number:04}_{task}", Path(f"{number}_{task}.edf"))
        for number in range(subjects)
        for task in ("rest", "task")
    ]


@pytest.mark.parametrize("subjects", [1, 7, 8, 9, 500])
def test_every_recording_is_in_one_batch_with_its_subjects_others(subjects):
    found = batches(entries(subjects), 16)
    kept = [entry for batch in found.values() for entry in batch]
    assert sorted(kept, key=lambda entry: entry.recording) == entries(subjects)
    homes = [{name for name, batch in found.items() if entry in batch} for entry in entries(subjects)]
    assert homes[::2] == homes[1::2] and {len(home) for home in homes} == {1}


def test_batches_are_about_as_large_as_asked():
    sizes = [len(batch) for batch in batches(entries(5000), 16).values()]
    assert 8 <= sum(sizes) / len(sizes) <= 16 and max(sizes) < 40


@pytest.mark.parametrize(
    ("recordings", "size", "gigabytes", "number"),
    [
        (2, 128, 0, 1),
        (24, 128, 0, 2),
        (100, 128, 0, 8),
        (1000, 128, 0, 8),
        (3000, 128, 0, 32),
        (10000, 128, 0, 128),
        (24, 4, 0, 8),
        (1000, 128, 8, 8),
        (1000, 128, 50, 32),
        (24, 128, 20, 16),
        (4, 128, 500, 4),
    ],
)
def test_few_recordings_are_spread_over_cores_and_many_or_long_ones_fill_their_batches(
    recordings, size, gigabytes, number
):
    found = batches(entries(recordings // 2), size, gigabytes * 10**9)
    (count,) = {name.split("-of-")[1] for name in found}
    assert int(count) == number


def test_bytes_are_counted_of_the_files_that_are_there(tmp_path):
    (tmp_path / "a.set").write_bytes(b"1234")
    (tmp_path / "a.fdt").write_bytes(b"123")
    assert stored_bytes([tmp_path / "a.set", tmp_path / "a.fdt", tmp_path / "gone.edf"]) == 7


def test_a_subject_more_changes_one_batch_and_the_order_none():
    before, after = batches(entries(80), 16), batches(entries(81)[::-1], 16)
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1
    assert batches(entries(80)[::-1], 16) == before


@pytest.mark.parametrize(("size", "times"), [(4, 2), (16, 2), (4, 8), (16, 8), (8, 8)])
def test_kin_are_the_batches_of_the_same_recordings_in_up_to_eight_times_the_number(size, times):
    homes = [
        {entry.recording: name for name, batch in batches(entries(500), many).items() for entry in batch}
        for many in (size, times * size)
    ]
    assert homes[0] != homes[1]
    for recording, fine in homes[0].items():
        assert homes[1][recording] in kin(fine) and fine in kin(homes[1][recording])


def test_kin_are_few_files_to_look_into():
    assert kin("0-of-1") == ["0-of-1", "0-of-2", "1-of-2", *(f"{n}-of-4" for n in range(4))] + [
        f"{n}-of-8" for n in range(8)
    ]
    assert len(kin("1000-of-1024")) == 1 + 10 + 14


def test_a_command_line_carries_a_batch():
    said = [Entry("x", "s", "", "it's", Path("a b.edf"), {}, "Cz", (0.5, 1 / 3)), *entries(1)]
    assert [(job.recording, job.path, job.reference, job.span) for job in parse_jobs(jobs_text(said))] == [
        (entry.recording, entry.path, entry.reference, entry.span) for entry in said
    ]


def test_a_command_line_carries_two_thousand_recordings():
    """Of ds005385, with room for the rest of the command; Linux ends a word at 131,072 bytes."""
    names = [
        f"sub-{number:04d}/ses-{session}/eeg/sub-{number:04d}_ses-{session}_task-Eyes{eyes}_acq-{when}_eeg.edf"
        for number in range(250)
        for session in (1, 2)
        for eyes in ("Open", "Closed")
        for when in ("pre", "post")
    ]
    root = Path("/scratch/laboratory/data/longitudinal")
    said = [Entry("x", "s", "", Path(name).stem, root / name, {}, "FCz") for name in names]
    assert len(said) == 2000 and len(jobs_text(said)) < 65536
    subprocess.run(["bash", "-c", f"true --recordings {jobs_text(said)}"], check=True)


def test_what_a_shard_is_made_from(tmp_path):
    path = tmp_path / "a.edf"
    path.write_bytes(b"1")
    source = Job("a", path).made_from(["keys"])
    assert source == Job("a", path).made_from(["keys"])
    others = [Job("a", path).made_from(["other keys"]), Job("a", path, "Cz").made_from(["keys"])]
    others.append(Job("a", path, None, (0.0, 1.0)).made_from(["keys"]))
    path.write_bytes(b"12")
    others.append(Job("a", path).made_from(["keys"]))
    assert len({source, *others}) == 5
    path.unlink()
    with pytest.raises(UserError, match="a.edf: no such file"):
        Job("a", path).made_from(["keys"])
