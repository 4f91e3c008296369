"""Caps and amplifiers: the named channel sets, and the sampling rates that recordings have."""

BIPOLAR_SET = "chb-mit-bipolar"
CHANNEL_SETS = {
    "1020-19": "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split(),
    "1020-8": "F3 F4 C3 C4 P3 P4 O1 O2".split(),
    # The old system picked by position, and its twentieth was TP10, A2-A1 or P8, depending on the dataset.
    "legacy-20": "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2 TP10".split(),
    BIPOLAR_SET: (
        "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
        "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ T7-FT9 FT9-FT10 FT10-T8"
    ).split(),
}
# A Neuroscan file says its rate in places that contradict each other, and is believed to have one of these.
RATES = (
    100, 125, 128, 160, 200, 250, 256, 300, 400, 500, 512, 600, 800, 1000, 1024, 1200, 1250, 2000, 2048, 2400, 2500,
    4000, 4096, 4800, 5000, 8000, 8192, 10000, 16384, 20000,
)  # fmt: skip
