"""The raw datasets that the settings know by name, and how to get each."""

from __future__ import annotations

HOW_TO_GET = {
    "math": "download EEGMAT 1.0.0 from PhysioNet (physionet.org/content/eegmat/1.0.0)",
    "parkinsons": "download OpenNeuro ds004584 (openneuro.org/datasets/ds004584)",
    "seed": "apply for SEED-V at BCMI, Shanghai Jiao Tong University (bcmi.sjtu.edu.cn/home/seed)",
    "longitudinal": "download OpenNeuro ds005385 (openneuro.org/datasets/ds005385)",
    "mit": "download CHB-MIT 1.0.0 from PhysioNet (physionet.org/content/chbmit/1.0.0)",
}
SIMULATED = "demo"
