"""Datasets of images: a `dataset.name` that is a folder or a Hugging Face id, and the keys that say how to read it."""

from __future__ import annotations

import os
from pathlib import Path

from signal_diffusion.config.fields import Contradiction, Section, key
from signal_diffusion.config.messages import located
from signal_diffusion.config.reading import find
from signal_diffusion.errors import UserError

IMAGES = "images"
OF_IMAGES = "is of image folders and hub ids, which dataset.name is none of; remove the key"


def image_source(name: str) -> bool:
    """Whether a `dataset.name` is a folder of images or a hub id: all names with a slash, and none without."""
    return "/" in name


def image_folder(name: str) -> Path | None:
    """The folder that a name means; None for a hub id, OWNER/NAME where no such folder is."""
    path = find(name)
    if path.is_dir():
        return path
    return None if name.count("/") == 1 and not name.startswith((".", "/", "~")) else path


class ImageKeys(Section):
    """Keys of images from elsewhere; a recipe's windows are made by the recipe."""

    cache_dir: str | None = key(
        None, "Where a hub id's files are kept; unset: as Hugging Face has it.", stage="images"
    )
    center_crop: bool = key(
        False,
        "Take the largest square in the middle before resizing; else an image is squeezed into a square. Of images "
        "that are no recipe's.",
        stage="images",
    )
    random_flip: bool = key(
        False,
        "Train on every image and its mirror image. Of images that are no recipe's: a flip would reverse channel "
        "order and time.",
        stage="images",
    )
    image_column: str = key("image", "Column of the images, of an image folder or hub id.", stage="images")
    group_column: str = key(
        "group",
        "Column of an image folder or hub id whose equal words stay in one split, such as people; without it every "
        "image stands alone.",
        stage="images",
    )
    split_seed: int = key(
        42, "Seed of the splits that an image folder or hub id does not have.", stage="images", ge=0
    )
    gender_column: str = key("gender", "Column of the gender, of an image folder or hub id.", stage="images")
    health_column: str = key("health", "Column of the health status, likewise.", stage="images")
    age_column: str = key("age", "Column of the age in years, likewise.", stage="images")

    def check_images(self, name: str) -> None:
        """Refuse (Contradiction) keys of images where `name` is a recipe's."""
        reasons = {
            "center_crop": "images have the recipe's resolution; set spectrogram.resolution there",
            "random_flip": "a flip would reverse channel order and time; remove it",
            "image_column": "arrays have no columns; remove the key",
            "cache_dir": "datasets are read in place; remove the key",
            **dict.fromkeys(
                ("gender_column", "health_column", "age_column"),
                "metadata has the canonical columns gender, health and age; remove the key",
            ),
        }
        for field in ImageKeys.model_fields:
            default = ImageKeys.model_fields[field].default
            if getattr(self, field) != default and not image_source(name):
                raise Contradiction(field, reasons.get(field, OF_IMAGES))


def check_images_there(path: Path, name: str, cache: str | None) -> None:
    """Refuse (UserError) at the dry run a folder that is not there, and a hub id that cannot be reached."""
    folder = image_folder(name)
    if folder is not None:
        if not folder.is_dir():
            raise located(
                path, "dataset.name", f"found {name!r}, but there is no such folder; correct the path"
            )
        return
    offline = any(
        os.environ.get(each) not in (None, "", "0") for each in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    )
    if offline and not _cached(name, cache):
        raise UserError(missing_images_message(name))


def missing_images_message(name: str) -> str:
    """How to get the images of a hub id."""
    return (
        f"{name}: not on this machine, and the hub is out of reach; where there is a network, run "
        f"`hf download --repo-type dataset {name} --local-dir FOLDER`, and name that FOLDER as dataset.name"
    )


def _cached(name: str, cache: str | None) -> bool:
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    hub = home / "hub" / f"datasets--{name.replace('/', '--')}"
    made = Path(cache or home / "datasets") / name.replace("/", "___")
    return hub.is_dir() or made.is_dir()
