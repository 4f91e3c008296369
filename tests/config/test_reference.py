import subprocess
import sys
from pathlib import Path

import pytest
from signal_diffusion.config.reference import render, write
from signal_diffusion.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date():
    page = (ROOT / "config" / "README.md").read_text()
    assert page == render(), "run python scripts/config_reference.py"


def test_the_script_says_when_the_page_is_out_of_date(project):
    write()
    command = [sys.executable, str(ROOT / "scripts" / "config_reference.py"), "--check"]
    environment = {"PYTHONPATH": str(ROOT / "lib")}
    assert subprocess.run(command, env=environment).returncode == 0
    page = project.root / "config" / "README.md"
    page.write_text(page.read_text().replace("0.0001", "0.001"))
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: config/README.md is out of date; run python scripts/config_reference.py\n"


def test_a_page_that_is_missing_is_out_of_date(project):
    with pytest.raises(UserError, match="out of date"):
        write(check=True)


@pytest.mark.parametrize(
    "row",
    [
        "| `resolution` | int, >= 8 | `256` | pixels | Height and width of the image. | shards |",
        "| `pooled_projection_dim` | belongs to stable-diffusion-35; remove the key |",
        '| `dataset_type` other than `"auto"` | a recipe says what its data are; remove the key |',
        "| `num_res_blocks` | `depths` |",
    ],
)
def test_rows(row):
    assert row in render().splitlines()
