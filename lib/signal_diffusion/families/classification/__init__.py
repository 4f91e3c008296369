"""Classification runs: training task, folds, predictions and the published model."""
