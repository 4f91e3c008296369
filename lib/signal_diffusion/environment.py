"""The environment that a workflow's jobs inherit, on this machine or through a cluster."""

import ctypes
import gc
import os
import sys
from pathlib import Path

USUAL = gc.get_threshold()  # how many objects are made before cyclic garbage is looked for


def set_up_jobs(settings: str | None = None) -> None:
    """Let jobs run this checkout, whatever else is installed, with the settings file if one is given.

    Their `python` is the one that runs here, though the environment that it belongs to may not be activated.
    They compile what they import once: where PYTHONDONTWRITEBYTECODE is set, each would compile torch anew.
    """
    lib = str(Path(__file__).resolve().parent.parent)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", lib)]
    os.environ["PYTHONPATH"] = os.pathsep.join([lib, *others])
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Threads that spin while they wait stand in each other's way as soon as something else runs here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if settings is not None:
        os.environ["SIGNAL_DIFFUSION_CONFIG"] = os.path.abspath(settings)


def keep_freed_memory() -> None:
    """Let this process reuse the memory that it frees; glibc else returns large arrays and faults them in anew.

    Other C libraries are left as they are.
    """
    if sys.platform == "linux" and os.confstr("CS_GNU_LIBC_VERSION"):
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 2**25)  # the most that glibc takes
        libc.mallopt(trim_threshold, 2**31 - 1)


def hurry_imports() -> None:
    """Look for cyclic garbage a hundred times less often until `end_imports`.

    Imports leave next to none; to look for it took a tenth to a third of the time in which scripts start.
    """
    gc.set_threshold(100 * USUAL[0], *USUAL[1:])


def end_imports() -> None:
    """Collect as usual again, but never search what was imported, which stays."""
    gc.freeze()
    gc.set_threshold(*USUAL)
