"""Presets: rows of one table, from which runs start."""

import re
import shutil
from pathlib import Path

import pytest
from signal_diffusion.config import check_run, check_workflow, load_recipe, load_run, load_settings
from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.config.presets import OF_EEG, presets
from signal_diffusion.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
RUN, TABLE = "config/diffusion/mine.toml", "config/diffusion/presets.txt"
SIZES = ("flagship", "demo", "tiny")
MINE = 'extends = "{preset}"\n[settings]\ntrainer = "diffusion"\n[dataset]\nname = "tiny"\n{rest}'
SMALL = """
preset                    model.name   depths  widths     dataset.batch_size
small-{db-only,db-polar}  "hourglass"  [1, 1]  [64, 128]  -
small-timeseries          "hourglass"  [1, 1]  [64, 128]  16
"""


@pytest.fixture
def table(project):
    project.write(TABLE, SMALL)
    return project


def test_a_run_starts_from_its_preset_and_wins_over_it(table):
    rest = "[model.extras]\nwidths = [64, 192]\n"
    table.write(RUN, MINE.format(preset="small-db-polar", rest=rest))
    run = load_run(RUN)
    assert (run.model.name, run.model.extras.depths, run.model.extras.widths) == (
        "hourglass",
        [1, 1],
        [64, 192],
    )
    assert (run.data.output_type, run.data.data_type, run.dataset.batch_size) == (
        "db-polar",
        "spectrogram",
        4,
    )
    assert run.extends == "small-db-polar"
    table.write(RUN, MINE.format(preset="small-timeseries", rest=""))
    assert (load_run(RUN).data.data_type, load_run(RUN).dataset.batch_size) == ("timeseries", 16)


def test_another_name_of_a_key_wins_too(table):
    rest = "[model.extras]\nblock_out_channels = [64, 192]\nnum_res_blocks = 3\n"
    table.write(RUN, MINE.format(preset="small-db-only", rest=rest))
    extras = load_run(RUN).model.extras
    assert (extras.widths, extras.depths) == ([64, 192], [3, 3])
    table.write(RUN, MINE.format(preset="small-db-only", rest=rest + "depths = [1, 1]\n"))
    with pytest.raises(UserError, match=r"num_res_blocks: is another name of depths, which is given too"):
        load_run(RUN)


def test_a_preset_is_no_more_than_its_values(table):
    from signal_diffusion.config import stage_keys

    table.write(RUN, MINE.format(preset="small-db-only", rest=""))
    short = stage_keys(load_run(RUN), "training")
    rest = '[data]\noutput_type = "db-only"\ndata_type = "spectrogram"\n[model]\nname = "hourglass"\n'
    rest += "[model.extras]\ndepths = [1, 1]\nwidths = [64, 128]\n"
    table.write(RUN, MINE.format(preset="", rest=rest).split("\n", 1)[1])
    assert stage_keys(load_run(RUN), "training") == short


@pytest.mark.parametrize(
    ("preset", "rest", "message"),
    [
        ("small-db-onyl", "", "mine.toml extends: found 'small-db-onyl', .*did you mean small-db-only"),
        ("zzz", "", "mine.toml extends: found 'zzz', which is no preset; see config/diffusion/presets.txt"),
        (
            "small-db-only",
            '[model]\nname = "dit"\n',
            r"mine.toml \[model\] name: found 'dit', but preset small-db-only is of hourglass",
        ),
        (
            "small-db-only",
            "[model.extras]\nd_state = 4\n",
            r"\[model.extras\] d_state: belongs to localmamba",
        ),
    ],
)
def test_what_does_not_fit_is_refused(table, preset, rest, message):
    table.write(RUN, MINE.format(preset=preset, rest=rest))
    with pytest.raises(UserError, match=message):
        load_run(RUN)


def test_extends_must_be_a_name(table):
    table.write(RUN, MINE.replace('"{preset}"', "3").format(rest='[model]\nname = "hourglass"\n'))
    with pytest.raises(UserError, match="mine.toml extends: found 3, expected string"):
        load_run(RUN)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('small-x  "hourglass"  [1]  [64]  -', "line 3: preset 'small-x' ends in none of db-only"),
        ('small-db-only  "hourglass"  [1]', "line 3: found 3 cells under 5 headings"),
        (
            "small-db-only  hourglass  [1]  [64]  -",
            "line 3: found 'hourglass' under model.name, expected a TOML",
        ),
    ],
)
def test_rows_that_are_not_understood(project, row, message):
    project.write(TABLE, SMALL.splitlines()[0] + "\n" + SMALL.splitlines()[1] + "\n" + row + "\n")
    with pytest.raises(UserError, match=f"config/diffusion/presets.txt {message}"):
        presets("diffusion")


@pytest.mark.parametrize("network", EXTRAS)
@pytest.mark.parametrize("kind", OF_EEG)
def test_every_network_has_presets_of_every_size_for_every_representation(project, network, kind):
    shutil.copy(ROOT / TABLE, project.root / TABLE)
    for size in SIZES:
        name = f"{network}-{size}-{kind}"
        project.write(RUN, MINE.format(preset=name, rest="[inference]\ncfg_scale = 1.0\n"))
        run = load_run(RUN)
        assert run.model.name == network and kind in (run.data.data_type, run.data.output_type)


def test_the_example_of_the_document_is_a_run(project):
    text = re.search(
        r"^```toml\n(extends = .*?)^```", (ROOT / "docs/models.md").read_text(), re.DOTALL | re.M
    )
    for file in (TABLE, "config/dataset/caption.toml"):
        shutil.copy(ROOT / file, project.root / file)
    project.write(RUN, text[1])
    run = load_run(RUN)
    check_workflow(run, load_settings())
    check_run(run, load_recipe(run.dataset.name))


def test_the_shipped_table_is_aligned():
    for block in (ROOT / TABLE).read_text().split("\n\n"):
        rows = [line for line in block.splitlines() if not line.startswith("#")]
        starts = [
            {i for i, cell in enumerate(row) if cell != " " and row[max(i - 2, 0) : i] == "  "}
            for row in rows
        ]
        assert all(found <= starts[0] for found in starts)
