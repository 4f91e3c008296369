"""Draw docs/quality.png: a contact sheet of simulated recordings, some of them with planted faults."""

import tempfile
from pathlib import Path

from signal_diffusion.config.recipe import Recipe, RecipeTable, Simulation
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulated_faults import CHANNEL_FAULTS, WINDOW_FAULTS, plant
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.recordings.writers import write_edf
from signal_diffusion.report.recordings import Card, contact_sheet
from signal_diffusion.report.style import save
from signal_diffusion.signals.preparation import prepare

HERE = Path(__file__).resolve().parent
SIMULATION = Simulation(seconds=120.0, rate=250.0)
RECIPE = Recipe(name="figure", path=Path("figure.toml"), recipe=RecipeTable(datasets=["math"]))
FAULTS = CHANNEL_FAULTS | WINDOW_FAULTS
PLANTED = {  # by subject: fault and channels, all of them where none is named
    1: [("flat", ("F4",)), ("half flat", ("P7",))],
    3: [("clipped", ())],
    4: [("hum", ())],
    6: [("unplugged", ("T8",))],
    8: [("loud", ("O2",)), ("weak", ("C3",))],
    10: [("pause", ())],
    11: [("movement", ())],
    13: [("white noise", ("Fz",))],
}


def main() -> None:
    cards = []
    with tempfile.TemporaryDirectory() as folder:
        for subject in range(15):
            recording = simulate_recording(SIMULATION, subject, "rest")
            for fault, channels in PLANTED.get(subject, ()):
                recording = plant(recording, FAULTS[fault], channels, subject)
            cards.append(card(subject, recording, Path(folder) / f"{subject}.edf"))
    save(contact_sheet(cards), HERE / "quality.png")


def card(subject: int, recording: Recording, path: Path) -> Card:
    write_edf(recording, path)
    found = prepare(path, RECIPE)
    quality = found.meta["quality"]
    remarks = [found.meta["reason"]] if found.meta["reason"] else []
    remarks += [f"{name} {reason}" for name, reason in quality["bad_channels"].items()] * (not remarks)
    remarks += [f"{len(numbers)} windows {reason}" for reason, numbers in quality["windows"].items()]
    remarks += ["mains stand out"] * ((quality["line_db"] or 0) > 20)
    note = "; ".join(remarks) or f"{len(found.starts)} windows"
    title = f"simulated subject {subject}"
    bad, fs = quality["bad_channels"], RECIPE.signal.fs
    return Card(title, note, bool(remarks), found.channels, bad, fs, **found.pictures)


if __name__ == "__main__":
    main()
