"""Recordings to spectrogram images and back: resample, window, transform, encode. Imports no torch."""
