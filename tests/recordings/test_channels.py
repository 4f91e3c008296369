import numpy as np
import pytest
from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.channels import canonical, channel_names, pick, picks
from signal_diffusion.recordings.formats import read
from signal_diffusion.recordings.recording import Recording


def named(*channels: str) -> Recording:
    data = np.arange(len(channels) * 4, dtype=np.float32).reshape(len(channels), 4)
    return Recording(data, 100.0, channels)


def test_the_default_set_has_the_order_of_the_design():
    expected = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
    assert " ".join(CHANNEL_SETS["1020-19"]) == expected


@pytest.mark.parametrize(
    "spelling", ["T7", "t7", "T3", "EEG T3", "EEG T3-REF", "EEG T7-LE", "T7.", "T3-A1", "EEG T7", "T7-0"]
)
def test_spellings_of_one_electrode(spelling):
    assert canonical(spelling) == "t7"


def test_pairs_and_neighbours_stay_apart():
    assert canonical("FP1-F7") == canonical("Fp1-F7") == "fp1-f7"
    assert canonical("T3-T5") == canonical("T7-P7")
    assert len({canonical(name) for name in ("A2-A1", "ECG ECG", "A1", "P7", "PO7", "T7")}) == 6


def test_pick_is_by_name_and_in_the_order_asked():
    picked = pick(named("EEG O1", "ECG ECG", "EEG T3", "EEG Fp1"), ["Fp1", "T7"])
    assert picked.channels == ("Fp1", "T7")
    np.testing.assert_array_equal(picked.data, [[12, 13, 14, 15], [8, 9, 10, 11]])


def test_missing_channels_are_listed():
    with pytest.raises(UserError, match="Fz, Cz"):
        pick(named("F3", "F4"), ["F3", "Fz", "Cz"])


def test_the_reference_is_added_as_zeros_only_where_it_is_absent():
    np.testing.assert_array_equal(pick(named("Fz"), ["Fz", "Pz"], "Pz").data[1], 0.0)
    assert pick(named("Fz", "Pz"), ["Fz", "Pz"], "Pz").data[1].any()
    assert picks(("Fz",), ["Fz", "Pz"], "Pz") == ["Fz"]


def test_a_doubled_channel_must_hold_the_same_samples():
    twice = Recording(np.ones((2, 3), np.float32), 100.0, ("T8-P8-0", "T8-P8-1"))
    assert pick(twice, ["T8-P8"]).data.shape == (1, 3)
    with pytest.raises(UserError, match="differ"):
        pick(named("T8-P8-0", "T8-P8-1"), ["T8-P8"])


def test_unknown_sets_and_repeated_names_are_refused():
    with pytest.raises(UserError, match="1020-19"):
        channel_names("1020-20")
    with pytest.raises(UserError, match="once"):
        channel_names(["T7", "Cz", "T3"])


def test_real_recordings_have_the_named_sets(shared):
    eegmat = read(shared / "data/eegmat/Subject00_1.edf")
    picked = pick(eegmat, "1020-19")
    # EEGMAT's order is Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz, then A2-A1 and the ECG.
    np.testing.assert_array_equal(picked.data[7], eegmat.data[6])
    np.testing.assert_array_equal(picked.data[14], eegmat.data[18])
    chb = read(next((shared / "data/chbmit").glob("chb01_*.edf")))
    assert pick(chb, "chb-mit-bipolar").data.shape[0] == len(CHANNEL_SETS["chb-mit-bipolar"])
