"""The data page: every recording has its place and its reasons, bad ones come first and have colours."""

import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from signal_diffusion.datasets.recordings import COLUMNS as CELLS
from signal_diffusion.files import save_tensors, write_json
from signal_diffusion.report import recordings
from signal_diffusion.report.data_page import EMBEDDED, write_data_page
from signal_diffusion.report.recordings import COLOURS, Card, contact_sheet, strip
from signal_diffusion.report.style import save

CHANNELS = ["Fp1", "Cz", "O1", "O2"]
FAULTS = {
    "sub-03": {"bad_channels": "O1 flat; O2 clipped", "line_db": "3.5"},
    "sub-05": {"status": "refused", "reason": "no <such> file", "windows": "0", "used_s": "0"},
    "sub-06": {"windows_dropped": "2 mostly flat; 1 mostly clipped"},
    "sub-07": {"line_db": "31.2"},
}


def row(name: str, dataset: str = "math") -> dict[str, str]:
    cells = dict.fromkeys(CELLS, "")
    cells |= {"dataset": dataset, "subject": name, "recording": name, "file": f"{name}.edf", "status": "used"}
    cells |= {"duration_s": "60", "used_s": "49.15", "windows": "5", "line_db": "1.0"}
    return cells | FAULTS.get(name, {})


def pictures(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "amplitude": (10 * np.exp(0.2 * rng.standard_normal((4, 60)))).astype(np.float16),
        "faults": np.zeros((4, 60), np.uint8),
        "spectra": rng.normal(0, 2, (4, 63)).astype(np.float16),
    }


def write_material(folder, names) -> None:
    dataset = folder / "dataset"
    dataset.mkdir()
    write_json(dataset / "dataset.json", {"recipe": "tiny", "representation": "db-only"})
    pd.DataFrame([row(name) for name in names]).to_csv(dataset / "recordings.csv", index=False)
    for seed, name in enumerate(names):
        if name == "sub-05":
            continue
        bad = dict(item.split(" ") for item in row(name)["bad_channels"].split("; ") if item)
        meta = {"channels": CHANNELS, "fs": 125.0, "quality": {"bad_channels": bad}}
        (folder / "shards/math").mkdir(parents=True, exist_ok=True)
        arrays = {"windows": np.zeros((5, 2), np.float16), "starts": np.arange(5)} | pictures(seed)
        save_tensors(folder / f"shards/math/{name}.safetensors", arrays, meta)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_material(folder, [f"sub-{k:02d}" for k in range(10)])
    write_data_page(folder / "dataset", folder / "shards", folder / "out")
    return folder / "out"


def test_the_page_tells_what_was_read_refused_and_why(page):
    text = (page / "index.html").read_text()
    assert "<td>math</td><td>10</td><td>9</td><td>1</td><td>0.12</td><td>45</td>" in text
    assert "<td>2 mostly flat; 1 mostly clipped</td><td>1 flat; 1 clipped</td>" in text
    assert "<td>math sub-05</td><td>sub-05.edf</td><td>no &lt;such&gt; file</td>" in text
    assert "<td>math sub-07</td><td>mains 31 dB over their surroundings</td>" in text
    assert "math sub-01" not in text.split("Every recording")[0]


def test_it_needs_no_other_file(page):
    text = (page / "index.html").read_text()
    assert text.count("data:image/png;base64,") == 1
    assert 'src="sheet' not in text and "http" not in text
    assert sorted(path.name for path in page.iterdir()) == ["index.html", "sheet-001.png"]


def test_recordings_with_faults_come_first(tmp_path, monkeypatch):
    write_material(tmp_path, [f"sub-{k:02d}" for k in range(10)])
    drawn = []

    def heard(cards):
        drawn.extend(card.title for card in cards)
        return contact_sheet(cards)

    monkeypatch.setattr("signal_diffusion.report.data_page.contact_sheet", heard)
    write_data_page(tmp_path / "dataset", tmp_path / "shards", tmp_path / "out")
    assert drawn[:4] == ["math sub-05", "math sub-06", "math sub-03", "math sub-07"]
    assert drawn[4:] == sorted(drawn[4:]) and len(drawn) == 10


def test_many_recordings_make_many_sheets_of_which_some_are_inside(tmp_path, monkeypatch):
    monkeypatch.setattr("signal_diffusion.report.data_page.ROWS", 1)
    write_material(tmp_path, [f"sub-{k:02d}" for k in range(3 * (EMBEDDED + 1))])
    write_data_page(tmp_path / "dataset", tmp_path / "shards", tmp_path / "out")
    text = (tmp_path / "out/index.html").read_text()
    assert text.count("data:image/png;base64,") == EMBEDDED and 'href="sheet-005.png"' in text
    assert len(list((tmp_path / "out").glob("sheet-*.png"))) == EMBEDDED + 1


def test_bad_channels_are_counted_by_reason_whatever_they_are_called(tmp_path, monkeypatch):
    monkeypatch.setitem(FAULTS, "sub-03", {"bad_channels": "EEG 001 flat; EEG 002 flat"})
    write_material(tmp_path, ["sub-05"])
    pd.DataFrame([row("sub-03")]).to_csv(tmp_path / "dataset/recordings.csv", index=False)
    write_data_page(tmp_path / "dataset", tmp_path / "shards", tmp_path / "out")
    assert "<td>none</td><td>2 flat</td>" in (tmp_path / "out/index.html").read_text()


def test_the_same_recordings_give_the_same_bytes(page, tmp_path):
    write_material(tmp_path, [f"sub-{k:02d}" for k in range(10)])
    write_data_page(tmp_path / "dataset", tmp_path / "shards", tmp_path / "out")
    for name in ("index.html", "sheet-001.png"):
        assert (tmp_path / "out" / name).read_bytes() == (page / name).read_bytes()


def test_no_word_of_a_person_or_a_path_is_in_a_picture(page):
    chunks, content = [], (page / "sheet-001.png").read_bytes()
    place = 8
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        chunks.append(kind)
        place += 12 + length
    assert set(chunks) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert str(page.parent) not in (page / "index.html").read_text()


def card(**changes) -> Card:
    return Card("math sub-00", "60 s", False, CHANNELS, **{"bad": {}, "fs": 125.0, **pictures(0), **changes})


def colours(image: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}


def rgb(name: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(COLOURS[name]))


def test_what_is_usual_is_grey():
    image = strip(card(), 60, 8)
    assert image.shape == (8, 60, 3) and all(len(set(pixel)) == 1 for pixel in colours(image))
    louder = strip(card(amplitude=5 * pictures(0)["amplitude"]), 60, 8)
    assert (louder.astype(int) > image).all()


def test_faults_have_their_colours_where_they_are():
    faults = pictures(0)["faults"]
    faults[1, 20:30], faults[2, 40:] = 1, 2
    image = strip(card(faults=faults), 60, 4)
    assert (image[1, 20:30] == rgb("flat")).all() and (image[2, 40:] == rgb("clipped")).all()
    assert colours(image[[0, 3]]).isdisjoint({rgb("flat"), rgb("clipped")})


def test_bad_and_missing_channels_have_their_colours():
    amplitude = pictures(0)["amplitude"]
    amplitude[3] = np.nan
    image = strip(card(amplitude=amplitude, bad={"Cz": "disconnected", "O2": "missing"}), 60, 4)
    assert (image[3] == rgb("missing")).all()
    assert all(len(set(pixel)) > 1 for pixel in colours(image[[1]]))


def test_long_and_short_recordings_fill_the_strip():
    for seconds in (1, 7, 5000):
        arrays = {
            "amplitude": np.full((4, seconds), 10, np.float16),
            "faults": np.zeros((4, seconds), np.uint8),
        }
        assert strip(card(**arrays)).shape == (recordings.HEIGHT, recordings.WIDTH, 3)


def test_a_recording_without_pictures_has_a_place(tmp_path):
    empty = card(amplitude=None, faults=None, spectra=None)
    save(contact_sheet([empty, card()]), tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size[0] > 500


def written(sheet) -> list[str]:
    return [text.get_text() for axes in sheet.axes for text in axes.texts]


def test_a_sheet_of_recordings_that_nobody_could_read_says_nothing_of_their_spectra():
    unread = Card("math a", "refused", True, (), {}, 0.0)
    assert not any("Hz" in text for text in written(contact_sheet([unread])))
    assert any("0 to 62.5 Hz" in text for text in written(contact_sheet([unread, card()])))


def test_a_long_name_keeps_its_ends_and_its_place():
    [title, *_] = written(contact_sheet([Card(f"math sub-{'x' * 90}_run-2", "", False, (), {}, 0.0)]))
    assert len(title) == 60 and title.startswith("math sub-") and title.endswith("_run-2")


def test_a_name_with_dollars_is_no_formula(tmp_path):
    save(contact_sheet([Card("math a$^$b", "", False, (), {}, 0.0)]), tmp_path / "sheet.png")
