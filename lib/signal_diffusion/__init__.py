"""EEG recordings to trained generators; `Pipeline.from_pretrained(folder)` loads a published run."""

__all__ = ["Pipeline"]


def __getattr__(name: str):
    # Loaded on first use: preprocessing jobs import this package and must not pay for torch.
    if name == "Pipeline":
        from signal_diffusion.families.diffusion.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
