"""CHB-MIT: the real tables and excerpts, and files of its layout with simulated signals."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.labels import tasks
from signal_diffusion.errors import UserError
from signal_diffusion.recordings import datasets, formats
from signal_diffusion.recordings.channels import channel_names, pick, picks
from signal_diffusion.recordings.datasets.mit import read_summary
from signal_diffusion.recordings.index import index_dataset

from .layouts import MIT_CHANNELS, mit_data, to_dataset, write_mit

HEAD = "Data Sampling Rate: 256 Hz\n*************************\n\nChannels in EDF Files:\n**********************\n"
CHANNELS = "".join(f"Channel {k}: {name}\n" for k, name in enumerate(MIT_CHANNELS, 1))
INFO = "Case\tGender\tAge (years)\n\nchb01\tF\t11\nchb02\tM\t11\nchb06\tF\t 1.5\nchb21\tF\t13\n"
RECIPE = """
[recipe]
datasets = ["mit"]
[channels]
set = "chb-mit-bipolar"
[signal]
fs = 64.0
nsamps = 512
reference = "none"
[spectrogram]
resolution = 64
window = 128
[splits]
train = 0.4
val = 0.3
test = 0.3
stratify = ["gender"]
[weights]
tasks = ["seizure"]
"""


def block(
    name: str, *seizures: tuple[int, int], numbered: bool = False, times=("12:00:00", "13:00:00")
) -> str:
    lines = [f"File Name: {name}"]
    lines += [f"File Start Time: {times[0]}", f"File End Time: {times[1]}"] if times else []
    lines += [f"Number of Seizures in File: {len(seizures)}"]
    for k, (onset, end) in enumerate(seizures, 1):
        which = f"Seizure {k}" if numbered else "Seizure"
        lines += [f"{which} Start Time: {onset} seconds", f"{which} End Time: {end} seconds"]
    return "\n".join(lines) + "\n\n"


def summary(path, *blocks: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + CHANNELS + "\n\n" + "".join(blocks))
    return path


def touched(root, *names: str):
    (root / "SUBJECT-INFO").write_text(INFO)
    for name in names:
        (root / name[:5]).mkdir(exist_ok=True)
        (root / name[:5] / name).touch()
    return root


def listed(root) -> dict:
    return {entry.recording: entry for entry in datasets.get("mit").list_recordings(root)}


def test_the_real_table_of_people(shared, tmp_path):
    shutil.copy(shared / "data/chbmit/SUBJECT-INFO", tmp_path)
    cases = {f"chb{case:02d}_01.edf" for case in range(1, 25)}
    for name in cases:
        (tmp_path / name[:5]).mkdir()
        (tmp_path / name[:5] / name).touch()
    people = {entry.session: entry for entry in listed(tmp_path).values()}
    assert len(people) == 24
    assert [people[f"chb0{case}"].labels["age"] for case in (1, 5, 6)] == ["11", "7", "1.5"]
    assert {people[case].labels["gender"] for case in ("chb01", "chb05", "chb21")} == {"F"}
    assert people["chb24"].labels == {"gender": "", "health": "", "age": ""}
    assert {entry.labels["health"] for entry in people.values()} == {""}


def test_case_21_is_the_person_of_case_1(tmp_path):
    touched(tmp_path, "chb01_01.edf", "chb21_01.edf", "chb02_01.edf")
    found = listed(tmp_path)
    assert found["chb21_01"].subject == found["chb01_01"].subject == "chb01"
    assert (found["chb21_01"].session, found["chb21_01"].labels["age"]) == ("chb21", "13")
    assert found["chb01_01"].labels["age"] == "11" and found["chb02_01"].subject == "chb02"


def test_the_real_summaries(shared):
    first = read_summary(shared / "data/chbmit/chb01-summary.txt")
    assert len(first) == 42
    assert {name: facts.seizures for name, facts in first.items() if facts.seizures} == {
        "chb01_03.edf": ((2996.0, 3036.0),),
        "chb01_04.edf": ((1467.0, 1494.0),),
        "chb01_15.edf": ((1732.0, 1772.0),),
        "chb01_16.edf": ((1015.0, 1066.0),),
        "chb01_18.edf": ((1720.0, 1810.0),),
        "chb01_21.edf": ((327.0, 420.0),),
        "chb01_26.edf": ((1862.0, 1963.0),),
    }
    eighth = read_summary(shared / "data/chbmit/chb08-summary.txt")  # "Seizure 1 Start Time"
    assert eighth["chb08_02.edf"].seizures == ((2670.0, 2841.0),)
    assert not any(facts.contradiction for facts in [*first.values(), *eighth.values()])


def test_a_summary_with_every_quirk(tmp_path):
    path = summary(
        tmp_path / "chb12-summary.txt",
        block("chb12_38.edf", (100, 120), times=("3:11:01", "4:11:04")),
        "Channels changed:\n*****************\nChannel 1: FP1-F7\nChannel 2: -\nChannel 3: C3-CS2\n\n",
        block("chb12_39.edf", (5, 9), (20, 40), numbered=True, times=("23:30:00", "24:30:03")),
        block("chb02_16+.edf", (130, 212), times=("25:01:10", "26:01:10")),
        block("chb24_01.edf", (480, 505), (2451, 2476), numbered=True, times=None),
        "File Name: chb24_02.edf\nNumber of Seizures in File:  1\nSeizure 1 Start Time:  7 seconds\n"
        "Seizure 1 End Time:  9 seconds\n\n",
        block("chb17a_03.edf", times=None),
    )
    assert {name: facts.seizures for name, facts in read_summary(path).items()} == {
        "chb12_38.edf": ((100.0, 120.0),),
        "chb12_39.edf": ((5.0, 9.0), (20.0, 40.0)),
        "chb02_16+.edf": ((130.0, 212.0),),
        "chb24_01.edf": ((480.0, 505.0), (2451.0, 2476.0)),
        "chb24_02.edf": ((7.0, 9.0),),
        "chb17a_03.edf": (),
    }


def test_what_files_and_summaries_do_not_agree_on_is_listed_as_refused(tmp_path):
    touched(tmp_path, "chb02_40.edf", "chb02_copy.edf", "chb06_01.edf")
    for seed, number in enumerate(("16", "16+", "18", "19", "20")):
        write_mit(tmp_path / f"chb02/chb02_{number}.edf", mit_data(30, seed))
    summary(
        tmp_path / "chb02/chb02-summary.txt",
        block("chb02_16.edf", (10, 20)),
        block("chb02_16+.edf"),
        block("chb02_17.edf", (3, 4)),
        block("chb02_18.edf", (25, 40)),
        block("chb02_19.edf", (20, 10)),
        block("chb02_20.edf").replace("File: 0", "File: 2"),
    )
    rows = {row["recording"]: row for row in index_dataset("mit", tmp_path)}
    assert [name for name, row in rows.items() if row["status"] == "ok"] == ["chb02_16", "chb02_16+"][::-1]
    assert json.loads(rows["chb02_16"]["events"]) == {"seizure": [[10, 20]]}
    assert json.loads(rows["chb02_16+"]["events"]) == {"seizure": []}
    reasons = {name: row["reason"] for name, row in rows.items() if row["status"] == "refused"}
    expected = {
        "chb02_17": "chb02-summary.txt: found chb02_17.edf named, but not there",
        "chb02_18": "event seizure: found 25 to 40 s, expected a part of the 30 s of the recording",
        "chb02_19": "chb02_19.edf: found seizures ((20.0, 10.0),), one of which ends before it begins",
        "chb02_20": "chb02_20.edf: found 0 onsets, 0 ends and 2 seizures stated",
        "chb02_40": "chb02-summary.txt: found nothing of chb02_40.edf, expected its seizures",
        "chb02_copy": "name: found chb02_copy.edf, expected chbNN_MM.edf",
        "chb06_01": "chb06-summary.txt: found nothing of chb06_01.edf",
    }
    assert reasons.keys() == expected.keys()
    assert all(expected[name] in reason and "\n" not in reason for name, reason in reasons.items())


def test_the_excerpts_lie_flat_and_are_refused_for_what_they_are(shared):
    rows = {row["recording"]: row for row in index_dataset("mit", shared / "data/chbmit")}
    assert "chb01_03_ictal.edf, expected chbNN_MM.edf" in rows["chb01_03_ictal"]["reason"]
    assert "found 2670 to 2841 s, expected a part of the 2 s" in rows["chb08_02"]["reason"]
    assert "chb01_01.edf named, but not there" in rows["chb01_01"]["reason"]
    assert (rows["chb08_02"]["subject"], rows["chb08_02"]["gender"], rows["chb08_02"]["age"]) == (
        "chb08",
        "M",
        "3.5",
    )


def test_a_summary_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "chb01-summary.txt").mkdir()
    with pytest.raises(UserError, match=r"chb01-summary\.txt: cannot be read \(Is a directory\); mend that"):
        read_summary(tmp_path / "chb01-summary.txt")


def test_without_its_table_or_recordings_the_dataset_is_refused(tmp_path):
    with pytest.raises(UserError, match="no SUBJECT-INFO; download PhysioNet chbmit"):
        listed(tmp_path)
    with pytest.raises(UserError, match="chbNN/chbNN_MM.edf"):
        listed(touched(tmp_path))
    touched(tmp_path, "chb01_01.edf")
    (tmp_path / "SUBJECT-INFO").write_text("Case\tGender\tAge (years)\nchb01\tgirl\t11\n")
    with pytest.raises(UserError, match="chb01: Gender: found 'girl', expected F or M"):
        listed(tmp_path)


def test_real_excerpts_have_the_bipolar_set_and_channels_that_stand_twice(shared):
    path = shared / "data/chbmit/chb01_03_ictal.edf"
    header = formats.read_header(path)
    assert [name for name in header.channels if name.startswith("T8-P8")] == ["T8-P8-0", "T8-P8-1"]
    wanted = picks(header.channels, "chb-mit-bipolar")
    assert len(wanted) == 22  # T8-P8 stands twice
    picked = pick(formats.read(path, wanted), "chb-mit-bipolar")
    assert picked.channels == tuple(channel_names("chb-mit-bipolar")) and picked.data.shape == (21, 2560)
    both = formats.read(path, ["P7-T7", "T7-P7"]).data
    # Turned over, to the rounding of 16 bits.
    np.testing.assert_allclose(both[0], -both[1], atol=0.8)


def test_dummy_channels_and_values_beyond_the_physical_range(tmp_path):
    labels = [*MIT_CHANNELS[:4], "-", *MIT_CHANNELS[4:8], "-", *MIT_CHANNELS[8:], "-"]
    data = mit_data(4, 0, labels)
    data[0, 100:110] = 1723.0  # as in chb03_36, where the header says +-800
    data[1, 200] = -2040.0
    write_mit(tmp_path / "a.edf", data, labels)
    header = formats.read_header(tmp_path / "a.edf")
    recording = pick(
        formats.read(tmp_path / "a.edf", picks(header.channels, "chb-mit-bipolar")), "chb-mit-bipolar"
    )
    assert recording.data[0].max() == pytest.approx(1723.0, abs=0.4)
    assert recording.data[1].min() == pytest.approx(-2040.0, abs=0.4)
    rows = [labels.index(name) for name in channel_names("chb-mit-bipolar")]
    np.testing.assert_allclose(recording.data, data[rows], atol=0.4)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp("mit")
    (root / "SUBJECT-INFO").write_text(INFO)
    dummies = [*MIT_CHANNELS[:9], "-", *MIT_CHANNELS[9:], "-", "-"]
    for seed, (name, labels) in enumerate(
        [
            ("chb01_03.edf", MIT_CHANNELS),
            ("chb01_04.edf", MIT_CHANNELS),
            ("chb02_16+.edf", dummies),
            ("chb06_01.edf", MIT_CHANNELS[::-1]),
            ("chb21_01.edf", MIT_CHANNELS),
            ("chb24_01.edf", MIT_CHANNELS),
        ]
    ):
        write_mit(root / name[:5] / name, mit_data(60, seed, labels), labels)
    summary(root / "chb01/chb01-summary.txt", block("chb01_03.edf", (20, 36)), block("chb01_04.edf"))
    summary(root / "chb02/chb02-summary.txt", block("chb02_16+.edf", (3, 5), (50, 60), numbered=True))
    summary(root / "chb06/chb06-summary.txt", block("chb06_01.edf", times=("23:30:00", "24:30:03")))
    summary(root / "chb21/chb21-summary.txt", block("chb21_01.edf", times=("3:11:01", "4:11:04")))
    summary(root / "chb24/chb24-summary.txt", block("chb24_01.edf", (0, 60), times=None))
    return root


@pytest.fixture(scope="module")
def built(raw, tmp_path_factory):
    return to_dataset("mit", raw, RECIPE, tmp_path_factory.mktemp("work"))


def test_from_raw_files_to_windows_with_seizures(built):
    rows, _, out = built
    assert {row["status"] for row in rows} == {"ok"}
    metadata = pd.read_csv(out / "metadata.csv", dtype=str, keep_default_na=False)
    # 60 s in windows of 8 s every 4 s.
    seizure = {name: "".join("x" if each == "seizure" else "." for each in group["seizure"])
               for name, group in metadata.groupby("recording")}  # fmt: skip
    assert (
        seizure
        == {
            "chb01_03": "....xxxxx.....",  # 20 to 36 s: windows from 16 to 32 s
            "chb01_04": "..............",
            "chb02_16+": "x...........xx",  # 3 to 5 s lies whole in the first, half of 4 to 12 s does not; 50 to 60 s
            "chb06_01": "..............",
            "chb21_01": "..............",
            "chb24_01": "xxxxxxxxxxxxxx",
        }
    )
    assert set(metadata["seizure"]) == {"none", "seizure"} and set(metadata["health"]) == {""}
    assert {label.name for label in tasks("mit")} == {"seizure", "gender", "age"}
    ages = metadata.groupby("recording")["age"].first()
    assert ages[["chb01_03", "chb21_01", "chb24_01"]].tolist() == ["11", "13", ""]


def test_one_person_stands_in_one_split(built):
    _, _, out = built
    metadata = pd.read_csv(out / "metadata.csv", dtype=str, keep_default_na=False)
    assert metadata.groupby("subject")["split"].nunique().max() == 1
    assert set(metadata.loc[metadata["subject"] == "chb01", "recording"]) == {
        "chb01_03",
        "chb01_04",
        "chb21_01",
    }
    splits = pd.read_csv(out / "splits.csv")
    assert sorted(splits["subject"]) == ["chb01", "chb02", "chb06", "chb24"]


def test_the_card_counts_windows_with_seizures_and_nothing_of_the_clock_leaves_the_summaries(built):
    _, _, out = built
    metadata = pd.read_csv(out / "metadata.csv", dtype=str, keep_default_na=False)
    train = metadata[(metadata["split"] == "train") & (metadata["seizure"] == "seizure")]
    card = (out / "README.md").read_text()
    labels = card.split("## Labels")[1].split("\n## ")[0]
    (row,) = [line for line in labels.splitlines() if line.startswith("| seizure | seizure |")]
    assert row.split("|")[3].strip() == f"{train['subject'].nunique()} ({len(train)})"
    assert "23:30" not in card + metadata.to_csv()


def test_the_same_bytes_in_any_order_of_files(built, raw, tmp_path):
    _, _, out = built
    _, _, again = to_dataset("mit", raw, RECIPE, tmp_path, shuffled=True)
    for name in ("train.npy", "test.npy", "metadata.csv", "splits.csv"):
        assert (out / name).read_bytes() == (again / name).read_bytes()
