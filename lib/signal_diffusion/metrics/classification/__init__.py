"""What a classifier is worth: scores with intervals over subjects, beside what needs no model."""
