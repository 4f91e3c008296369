"""A project folder of its own for each test, with the smallest valid files."""

from pathlib import Path

import pytest

FILES = {
    "config/default.toml": '[data]\nroot = "../data"\noutput_root = "../work"\n',
    "config/dataset/tiny.toml": '[recipe]\ndatasets = ["demo"]\n[spectrogram]\nresolution = 64\n',
    "config/diffusion/tiny.toml": (
        '[settings]\ntrainer = "diffusion"\n'
        '[dataset]\nname = "tiny"\nresolution = 64\n'
        '[model]\nname = "hourglass"\nconditioning = "caption"\n'
        "[model.extras]\ncfg_dropout = 0.1\n"
    ),
    "config/support/words.toml": 'kind = "text-encoders"\n[dataset]\nname = "tiny"\n',
    "config/support/latents.toml": 'kind = "vae"\n[dataset]\nname = "tiny"\n',
    "config/support/eyes.toml": 'kind = "feature-encoder"\n[dataset]\nname = "tiny"\n',
    "config/synthetic/made.toml": 'run = "tiny"\n',
}


class Project:
    """Write and change the files of a throw-away project."""

    def __init__(self, root: Path):
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def change(self, name: str, dotted: str, value: str) -> Path:
        """Set one dotted key of a file to a TOML literal, replacing an earlier line of it."""
        section, _, key = dotted.rpartition(".")
        heading = f"[{section}]" if section else None
        lines = (self.root / name).read_text().splitlines()
        at = lines.index(heading) + 1 if heading in lines else None
        if at is None and heading:
            lines += [heading]
            at = len(lines)
        end = next((i for i in range(at or 0, len(lines)) if lines[i].startswith("[")), len(lines))
        body = [line for line in lines[at or 0 : end] if line.split(" =")[0] != key]
        lines[at or 0 : end] = [f"{key} = {value}", *body]
        return self.write(name, "\n".join(lines) + "\n")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNAL_DIFFUSION_CONFIG", raising=False)
    return Project(tmp_path)
