"""Optional packages: what to say where one is missing."""

from importlib.util import find_spec


def absence(package: str, instead: str) -> str | None:
    """One line on what to do where `package` is not installed; None where it is."""
    if find_spec(package) is not None:
        return None
    return f"{package} is not installed; run pip install {package}, or {instead}"
