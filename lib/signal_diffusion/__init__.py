"""EEG recordings to trained generators and classifiers; `load(folder)` reads a published run of either."""

__all__ = ["Classifier", "Pipeline", "load"]


def __getattr__(name: str):
    # Loaded on first use: preprocessing jobs import this package and must not pay for torch.
    if name == "Pipeline":
        from signal_diffusion.families.diffusion.pipeline import Pipeline

        return Pipeline
    if name == "Classifier":
        from signal_diffusion.families.classification.classifier import Classifier

        return Classifier
    if name == "load":
        from signal_diffusion.families.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
