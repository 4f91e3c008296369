"""Neuroscan CNT: what the evidence decides, against the structures of the format and against MNE told the truth."""

import struct

import numpy as np
import pytest
from signal_diffusion.config.simulation import Simulation
from signal_diffusion.equipment import RATES
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.formats import read, read_header
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulate import simulate_subject
from signal_diffusion.recordings.writers import write_cnt

from .material import cnt_samples, find, patch

FILES = {  # bytes per sample, channels, Hz, seconds
    "1_1_20180804.cnt": (4, 66, 1000, 10.0),
    "7_1_20180411.cnt": (4, 66, 1000, 10.0),
    "jw_broken_evtpos.cnt": (4, 2, 1000, 90.0),
    "jw_broken_nsamples_neg732.cnt": (4, 2, 1000, 90.0),
    "jw_broken_nsamples_zero.cnt": (4, 2, 1000, 90.0),
    "jw_clean_int32.cnt": (4, 2, 1000, 90.0),
    "scan41_short.cnt": (2, 128, 400, 7.675),
    "test_CNT_events_mne_JWoess_clipped.cnt": (4, 2, 1000, 90.0),
}
COUNT, TABLE, CHANNELS, RATE, BLOCK = 864, 886, 370, 376, 894
TRUE_TABLE = 900 + 75 * 3 + 1000 * 3 * 4  # of the fixture `cnt`: 3 channels, 1000 samples of 32 bits


@pytest.mark.parametrize("name", FILES)
def test_equals_the_specification(shared, name):
    width, channels, fs, seconds = FILES[name]
    path = find(shared, name)
    mine, header = read(path), read_header(path)
    assert (len(mine.channels), mine.fs, header.duration) == (channels, fs, seconds)
    expected = cnt_samples(path, width, channels, round(fs * seconds))
    np.testing.assert_allclose(mine.data, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", FILES)
def test_equals_mne_told_what_is_right(shared, name, tmp_path):
    from mne.io import read_raw_cnt

    width, channels, _, seconds = FILES[name]
    path = tmp_path / name
    path.write_bytes(find(shared, name).read_bytes())
    patch(path, COUNT, struct.pack("<i", round(FILES[name][2] * seconds)))
    patch(
        path,
        TABLE,
        struct.pack("<i", 900 + 75 * channels + width * channels * round(FILES[name][2] * seconds)),
    )
    if not any(struct.unpack_from("<2f", path.read_bytes(), 919)):  # MNE needs positions that fit a sphere
        for i in range(channels):
            patch(path, 919 + 75 * i, struct.pack("<2f", np.cos(i), np.sin(i)))
    raw = read_raw_cnt(path, data_format=f"int{8 * width}", verbose="error")
    np.testing.assert_allclose(read(path).data, 1e6 * raw.get_data(), rtol=1e-5, atol=1e-3)


def test_broken_headers_give_the_clean_signal(shared):
    clean = read(find(shared, "jw_clean_int32.cnt")).data
    for name in ("jw_broken_evtpos.cnt", "jw_broken_nsamples_neg732.cnt", "jw_broken_nsamples_zero.cnt"):
        np.testing.assert_array_equal(read(find(shared, name)).data, clean)


def test_picks_in_the_order_asked(cnt, recording):
    mine = read(cnt, ["Cz", "EEG Fp1"])
    assert mine.channels == ("Cz", "EEG Fp1")
    np.testing.assert_allclose(mine.data, recording.data[[2, 0]], atol=0.006)


def test_a_span_is_those_samples_of_the_whole(shared):
    path = find(shared, "scan41_short.cnt")
    whole, part = read(path), read(path, ["7", "120"], (1.25, 6.0))
    np.testing.assert_array_equal(part.data, whole.data[[6, 127], 500:2400])
    for reader in (read, read_header):
        with pytest.raises(UserError, match="fewer than the 8 s needed"):
            reader(path, span=(7.0, 8.0))


def test_long_recordings_are_read_in_blocks(tmp_path):
    data = np.random.default_rng(0).normal(0, 20, (2, 2000 * 200)).cumsum(axis=1).astype(np.float32) / 10
    write_cnt(Recording(data, 200.0, ("Fp1", "Fp2")), tmp_path / "a.cnt")
    np.testing.assert_allclose(read(tmp_path / "a.cnt").data, data, atol=0.006)


@pytest.mark.parametrize("count", [0, -732, -(2**31), 2**31 - 1, 10**6, 700, 1001, 2000, 500])
@pytest.mark.parametrize("table", [TRUE_TABLE])
def test_a_wrong_count_gives_way_to_the_event_table(cnt, recording, count, table):
    patch(cnt, COUNT, struct.pack("<i", count))
    patch(cnt, TABLE, struct.pack("<i", table))
    np.testing.assert_allclose(read(cnt).data, recording.data, atol=0.006)


@pytest.mark.parametrize("table", [0, -1, 900, 2**31 - 1, TRUE_TABLE - 12, TRUE_TABLE + 1, TRUE_TABLE // 2])
def test_a_wrong_table_gives_way_to_the_count(cnt, recording, table):
    patch(cnt, TABLE, struct.pack("<i", table))
    np.testing.assert_allclose(read(cnt).data, recording.data, atol=0.006)


@pytest.mark.parametrize("count", [0, -732, 999, 1001, 10**6])
def test_neither_count_nor_table_right_is_refused(cnt, count):
    patch(cnt, COUNT, struct.pack("<i", count))
    patch(cnt, TABLE, struct.pack("<i", TRUE_TABLE + 7))
    with pytest.raises(UserError, match="number and width of samples") as error:
        read_header(cnt)
    assert "\n" not in str(error.value)


def test_two_possible_lengths_are_refused_unless_the_caller_needs_the_longer(tmp_path):
    """Samples that look like an event table where the header's count ends."""
    noise = np.random.default_rng(0).normal(0, 3, (1, 4000)).cumsum(axis=1).astype(np.float32)
    path = tmp_path / "two.cnt"
    write_cnt(Recording(noise, 200.0, ("Cz",)), path)
    patch(path, COUNT, struct.pack("<i", 2000))
    patch(path, 900 + 75 + 4 * 2000, struct.pack("<Bii", 1, 0, 0))
    with pytest.raises(UserError, match="2000 of 32 bits .possible., 4000 of 32 bits .possible."):
        read(path)
    assert read(path, span=(2.0, 19.0)).data.shape == (1, 3400)


@pytest.mark.parametrize("scale", [20.0, 400.0])
def test_both_widths_are_known_by_their_samples(tmp_path, scale):
    """The same smooth signal in 16 and in 32 bits, with a count that fits neither."""
    rows = np.random.default_rng(1).normal(0, 1, (8, 3000)).cumsum(axis=1)
    rows = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    signal = Recording((scale * rows).astype(np.float32), 500.0, tuple(f"C{i}" for i in range(1, 9)))
    write_cnt(signal, tmp_path / "32.cnt")
    content = (tmp_path / "32.cnt").read_bytes()
    bits = np.frombuffer(content[1500:-9], "<i4")
    narrow = np.clip(bits // 2, -32768, 32767).astype("<i2")
    (tmp_path / "16.cnt").write_bytes(content[:1500] + narrow.tobytes() + content[-9:])
    for name, width, factor in (("32.cnt", 4, 0.01), ("16.cnt", 2, 0.01)):
        path = tmp_path / name
        patch(path, COUNT, struct.pack("<i", -1))
        patch(path, TABLE, struct.pack("<i", 1500 + 8 * width * 3000))
        digital = bits if width == 4 else narrow
        np.testing.assert_allclose(read(path).data, factor * digital.reshape(-1, 8).T, atol=1e-3)


@pytest.mark.parametrize("subject", [3, 25, 43])
def test_halves_of_whole_samples_are_no_second_reading(tmp_path, subject):
    # Of these, the 16-bit halves have an EEG's size and smoothness too.
    rest, _ = simulate_subject(Simulation(seconds=10.0), subject, tmp_path)
    assert read_header(rest).duration == 10.0


def test_noise_that_fits_no_width_is_refused(cnt):
    start = 900 + 75 * 3
    patch(cnt, start, np.random.default_rng(0).bytes(cnt.stat().st_size - start - 9))
    with pytest.raises(UserError, match="SD of .* uV.*roughness of 1.4"):
        read(cnt)


@pytest.mark.parametrize("magic", [b"RIFF\x10\x20\x00\x00CNT ", b"RF64\xff\xff\xff\xffCNT "])
def test_ants_format_is_told_apart(tmp_path, magic):
    path = tmp_path / "a.cnt"
    path.write_bytes(magic + b"eeph" + bytes(4000))
    with pytest.raises(UserError, match="ANT Neuro.*export it as EDF") as error:
        read_header(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("offset", "content", "complaint"),
    [
        (0, b"Jane Roe    ", "revision"),
        (CHANNELS, struct.pack("<H", 0), "header"),
        (CHANNELS, struct.pack("<H", 60000), "header: found .* for 60000 channels"),
        (CHANNELS, struct.pack("<H", 2), "number of channels: found 2, expected more"),
        (CHANNELS, struct.pack("<H", 4), "electrode 4"),
        (RATE, struct.pack("<H", 0), "rate: found 0 Hz"),
        (RATE, struct.pack("<H", 201), "rate: found 201 Hz"),
        (BLOCK, struct.pack("<i", 40), "channel offset"),
        (900 + 75, bytes(10), "name of electrode 2"),
        (900 + 75, b"F\xe9\x01", "name of electrode 2"),
        (900 + 59, struct.pack("<f", 0.0), "sensitivity of electrode 1"),
        (900 + 59, struct.pack("<f", float("nan")), "sensitivity of electrode 1"),
        (900 + 71, struct.pack("<f", -1.0), "sensitivity of electrode 1"),
        (900 + 71, struct.pack("<f", 1e9), "sensitivity of electrode 1"),
    ],
)
def test_a_header_that_lies_is_refused(cnt, offset, content, complaint):
    patch(cnt, offset, content)
    with pytest.raises(UserError, match=complaint) as error:
        read_header(cnt)
    assert "Jane" not in str(error.value)


def test_a_rate_is_held_against_the_headers_epoch(shared, tmp_path):
    """601 points from -0.2 to 0.401 s are 1000 Hz, in this file and in no other field of it."""
    path = tmp_path / "a.cnt"
    path.write_bytes(find(shared, "jw_clean_int32.cnt").read_bytes())
    patch(path, RATE, struct.pack("<H", 500))
    with pytest.raises(UserError, match="rate: found 500 Hz, expected 1000 Hz by the header's epoch"):
        read_header(path)
    patch(path, RATE, struct.pack("<H", 1002))
    with pytest.raises(UserError, match="rate: found 1002 Hz, expected 1000 Hz"):
        read_header(path)
    patch(path, RATE, struct.pack("<H", 173))  # unusual, but confirmed
    patch(path, 505, struct.pack("<2f", -0.2, 601 / 173 - 0.2))
    assert read_header(path).fs == 173.0


def test_channels_that_stand_twice_are_numbered(cnt, recording):
    patch(cnt, 900, b"Cz" + bytes(8))
    assert read(cnt).channels == read_header(cnt).channels == ("Cz-0", "EEG T3", "Cz-1")
    np.testing.assert_allclose(read(cnt, ["Cz-1"]).data[0], recording.data[2], atol=0.006)


def test_every_rate_that_can_be_simulated_can_be_read(tmp_path):
    for rate in (RATES[0], 333, RATES[-1]):
        data = np.random.default_rng(0).normal(0, 20, (3, 2 * rate)).cumsum(axis=1)
        data = 20 * (data - data.mean(axis=1, keepdims=True)) / data.std(axis=1, keepdims=True)
        write_cnt(Recording(data.astype(np.float32), float(rate), ("FP1", "FP2", "CZ")), tmp_path / "a.cnt")
        if rate in RATES:
            assert read_header(tmp_path / "a.cnt").fs == rate
        else:
            with pytest.raises(UserError, match="rate: found 333 Hz"):
                read_header(tmp_path / "a.cnt")
