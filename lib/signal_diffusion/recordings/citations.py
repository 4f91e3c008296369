"""What the datasets that have code of their own are called, under which licence they are, what to cite."""

from typing import NamedTuple

_PHYSIONET = (
    "Goldberger A et al. PhysioBank, PhysioToolkit, and PhysioNet: components of a new research resource for "
    "complex physiologic signals. Circulation 2000;101(23):e215-e220."
)


class Citation(NamedTuple):
    """license: the Hub's identifier. terms: what a user has to know beside it."""

    title: str
    license: str
    citation: str
    terms: str = ""


CITATIONS = {
    "math": Citation(
        "EEGMAT: EEG During Mental Arithmetic Tasks 1.0.0",
        "odc-by",
        "Zyma I, Tukaev S, Seleznov I, Kiyono K, Popov A, Chernykh M, Shpenkov O. Electroencephalograms during "
        f"Mental Arithmetic Task Performance. Data 2019;4(1):14, doi:10.3390/data4010014. {_PHYSIONET}",
    ),
    "parkinsons": Citation(
        "Rest eyes open (Parkinson's disease), OpenNeuro ds004584",
        "cc0-1.0",
        "Singh A, Cole R, Espinoza A, Cavanagh J, Narayanan N. Rest eyes open. OpenNeuro ds004584, "
        "doi:10.18112/openneuro.ds004584.v1.0.0; doi:10.1101/2022.07.26.22278079.",
    ),
    "seed": Citation(
        "SEED-V",
        "other",
        "Liu W, Qiu JL, Zheng WL, Lu BL. Comparing Recognition Performance and Robustness of Multimodal Deep "
        "Learning Models for Multimodal Emotion Recognition. IEEE Transactions on Cognitive and Developmental "
        "Systems 2022;14(2):715-729.",
        "under the agreement that each user signs with BCMI; do not pass its recordings, or datasets made from "
        "them, on",
    ),
    "longitudinal": Citation(
        "Resting-state EEG before and after cognitive activity across the adult lifespan and a 5-year "
        "follow-up, OpenNeuro ds005385",
        "cc0-1.0",
        "Wascher E, Schneider D, Gajewski PD, Getzmann S. OpenNeuro ds005385, "
        "doi:10.18112/openneuro.ds005385.v1.0.3; Gajewski PD et al. Impact of Biological and Lifestyle Factors "
        "on Cognitive Aging and Work Ability in the Dortmund Vital Study. JMIR Research Protocols "
        "2022;11(3):e32352, doi:10.2196/32352.",
    ),
    "mit": Citation(
        "CHB-MIT Scalp EEG Database 1.0.0",
        "odc-by",
        "Shoeb A. Application of Machine Learning to Epileptic Seizure Onset Detection and Treatment. PhD thesis, "
        f"Massachusetts Institute of Technology, 2009. {_PHYSIONET}",
    ),
    "demo": Citation(
        "Simulated recordings", "unknown", "", "simulated by this project; no person stands behind it"
    ),
}
