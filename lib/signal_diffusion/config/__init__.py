"""Typed configuration: settings, dataset recipes and runs; every key is in config/README.md."""

from signal_diffusion.config.checks import (
    check_run,
    check_workflow,
    representation,
    settings_for,
    support_path,
)
from signal_diffusion.config.classification import ClassificationRun
from signal_diffusion.config.diffusion import DiffusionRun
from signal_diffusion.config.images import image_folder, image_source
from signal_diffusion.config.messages import located
from signal_diffusion.config.paths import work_root
from signal_diffusion.config.recipe import Captions, Recipe, load_recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.config.settings import (
    Settings,
    dataset_address,
    download_command,
    load_settings,
    missing_dataset_message,
)
from signal_diffusion.config.sources import (
    check_source,
    check_synthetic,
    load_synthetic,
    source_recipe,
    source_run,
    synthetic_path,
)
from signal_diffusion.config.stages import stage_keys
from signal_diffusion.config.support import FeatureEncoder, SupportRun, SupportTraining, TextEncoders

__all__ = [
    "Captions",
    "ClassificationRun",
    "DiffusionRun",
    "FeatureEncoder",
    "Recipe",
    "Settings",
    "SupportRun",
    "SupportTraining",
    "TextEncoders",
    "check_run",
    "check_source",
    "check_synthetic",
    "check_workflow",
    "dataset_address",
    "download_command",
    "image_folder",
    "image_source",
    "load_recipe",
    "load_run",
    "load_settings",
    "load_synthetic",
    "located",
    "missing_dataset_message",
    "representation",
    "settings_for",
    "source_recipe",
    "source_run",
    "stage_keys",
    "support_path",
    "synthetic_path",
    "work_root",
]
