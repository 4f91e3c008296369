"""The one training loop: checkpoints, optimisers, schedules, averaging and logging. It knows no family."""
