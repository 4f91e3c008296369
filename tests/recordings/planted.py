"""Recordings whose every text field holds something about a person, and the search for it."""

import base64
import re
import struct
import zlib
from pathlib import Path

import edfio
import numpy as np
from scipy.io import savemat
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_cnt

SECRETS = ("Margaret", "Roesslein", "1970-02-01", "01-FEB-1970", "HOSP4711", "fell off a horse")
TEXT = "Margaret Roesslein, 1970-02-01, HOSP4711, fell off a horse"
NAMES = ("Fp1", "Fp2", "C3", "C4", "O1", "O2")
RATE = 200.0


def signals(seed: int, seconds: float = 30.0) -> np.ndarray:
    """Smooth noise, float32 [channels, samples] in microvolts; a seventh row is for a channel of another name."""
    noise = np.random.default_rng(seed).standard_normal((len(NAMES) + 1, round(seconds * RATE)))
    kernel = np.exp(-np.arange(20) / 5.0)
    return np.stack([20.0 * np.convolve(row, kernel, "same") / 2.5 for row in noise]).astype(np.float32)


def filled(size: int, text: str = TEXT) -> bytes:
    return text.encode()[:size].ljust(size)


def plant_edf(path: Path, seed: int) -> None:
    """Patient and recording fields, a label, transducers, prefilters, reserved fields, an annotation."""
    rows = [
        edfio.EdfSignal(row.astype(float), RATE, label=name, physical_dimension="uV")
        for name, row in zip((*NAMES, "Margaret"), signals(seed), strict=True)
    ]
    edfio.Edf(rows, annotations=[edfio.EdfAnnotation(1.0, None, TEXT)]).write(path)
    content = bytearray(path.read_bytes())
    count = int(content[252:256])
    content[8:88], content[88:168] = (
        filled(80, "HOSP4711 F 01-FEB-1970 Margaret_Roesslein"),
        filled(80, f"Startdate X {TEXT}"),
    )
    content[197:236] = filled(39)
    for start, width in ((16, 80), (136, 80), (224, 32)):
        for signal in range(count):
            at = 256 + count * start + width * signal
            content[at : at + width] = filled(width)
    path.write_bytes(content)


def plant_cnt(path: Path, seed: int) -> None:
    """Every text field of SETUP, an electrode's name, the free bytes of the electrodes, text behind the events."""
    write_cnt(Recording(signals(seed), RATE, (*NAMES, "Margaret")), path)
    content = bytearray(path.read_bytes())
    for number, at in enumerate((21, 41, 61, 81, 101, 121, 145, 165, 185, 205)):
        content[at : at + 20] = filled(20, SECRETS[number % len(SECRETS)])
    content[225:247] = filled(22, "01-FEB-1970")
    content[255:293] = filled(38)
    content[307:353] = filled(46)
    for entry in range(len(NAMES) + 1):
        content[900 + 75 * entry + 27 : 900 + 75 * entry + 47] = filled(20)
    path.write_bytes(bytes(content) + TEXT.encode())


def plant_set(path: Path, seed: int) -> None:
    """All texts of EEG, a channel's label, events, history."""
    places = np.zeros(len(NAMES) + 1, dtype=[("labels", object), ("type", object), ("ref", object)])
    places["labels"], places["type"], places["ref"] = [*NAMES, "Margaret"], TEXT, TEXT
    events = np.zeros(2, dtype=[("type", object), ("latency", object)])
    events["type"], events["latency"] = TEXT, [10.0, 20.0]
    data = signals(seed)
    texts = (
        "setname",
        "filename",
        "filepath",
        "subject",
        "group",
        "condition",
        "comments",
        "history",
        "ref",
        "saved",
    )
    fields = dict.fromkeys(texts, TEXT) | {"etc": {"note": TEXT}, "chaninfo": {"filecontent": TEXT}}
    fields |= {
        "nbchan": float(len(data)),
        "pnts": float(data.shape[1]),
        "trials": 1.0,
        "srate": RATE,
        "xmin": 0.0,
    }
    fields |= {
        "xmax": (data.shape[1] - 1) / RATE,
        "chanlocs": places,
        "event": events,
        "data": "Margaret.fdt",
    }
    savemat(path, {"EEG": fields})
    data.T.tofile(path.with_suffix(".fdt"))


def plant_brainvision(path: Path, seed: int) -> None:
    """Comments, a channel's name, reference names, markers and their descriptions."""
    channels = "".join(
        f"Ch{i}={name},Margaret Roesslein,0.1,µV,{TEXT[:8]}\n"
        for i, name in enumerate((*NAMES, "Margaret"), 1)
    )
    path.write_text(
        f"Brain Vision Data Exchange Header File Version 1.0\n; {TEXT}\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\nMarkerFile={path.stem}.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={len(NAMES) + 1}\nSamplingInterval={1e6 / RATE:g}\n\n[Binary Infos]\n"
        f"BinaryFormat=INT_16\n\n[Channel Infos]\n{channels}\n[Comment]\n{TEXT}\n",
        encoding="utf-8",
    )
    path.with_suffix(".vmrk").write_text(
        f"Brain Vision Data Exchange Marker File, Version 1.0\n; {TEXT}\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\n\n[Marker Infos]\nMk1=New Segment,,1,1,0,19700201101500000000\n"
        f"Mk2=Comment,{TEXT.replace(',', ' ')},100,1,0\n",
        encoding="utf-8",
    )
    np.rint(signals(seed).T * 10.0).astype("<i2").tofile(path.with_suffix(".eeg"))


PLANT = {".edf": plant_edf, ".cnt": plant_cnt, ".set": plant_set, ".vhdr": plant_brainvision}


def texts_of(path: Path) -> list[bytes]:
    """A file's bytes, and what they hold in compressed or encoded form."""
    content = path.read_bytes()
    found = [content]
    for picture in re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", content):
        found += png_texts(base64.b64decode(picture))
    if content.startswith(b"\x89PNG"):
        found += png_texts(content)
    if path.suffix == ".parquet":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path)
        found += [repr(table.schema.metadata).encode(), repr(table.to_pylist()).encode()]
        pictures = (cell for row in table.to_pylist() for cell in row.values() if isinstance(cell, dict))
        found += [text for cell in pictures for text in png_texts(cell.get("bytes") or b"")]
    return found


def png_texts(content: bytes) -> list[bytes]:
    """Every chunk of a PNG, those of text inflated as well."""
    found, at = [], 8
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at + 8 : at + 8 + size]
        found.append(kind + chunk)
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            found += [
                _inflated(chunk[start:]) for start in range(len(chunk)) if chunk[start : start + 1] == b"\x78"
            ]
        at += 12 + size
    return found


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(content)
    except zlib.error:
        return b""


def hits(paths: list[Path]) -> list[tuple[str, str]]:
    """File and secret of all that is found, in any of the usual encodings."""
    spelled = [
        (secret, secret.encode(form)) for secret in SECRETS for form in ("utf-8", "utf-16-le", "utf-16-be")
    ]
    found = []
    for path in paths:
        for content in texts_of(path):
            found += [(path.name, secret) for secret, spelling in spelled if spelling in content]
    return found
