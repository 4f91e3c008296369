"""Fingerprints follow what code means and whom it imports, and nothing else."""

import pytest
from signal_diffusion import fingerprint as module

SCRIPT = '''"""Doc."""
from signal_diffusion import cli
from signal_diffusion.signals import stft


def main(a, b=(1, 2)):
    """Doc."""
    return stft.run(a, b=b)  # why
'''
SAME = '''"""Another doc."""

from signal_diffusion import (
    cli,
)
from signal_diffusion.signals import stft
def main(
    a,
    b=(1, 2),
):
    return stft.run(
        a, b=b
    )
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package of its own in which a script imports stft, which imports windows inside a function."""
    monkeypatch.setattr(module, "LIB", tmp_path)
    sources = {
        "__init__.py": "from signal_diffusion.models import net\n",
        "cli.py": "X = 1\n",
        "config/__init__.py": "X = 1\n",
        "models/__init__.py": "",
        "models/net.py": "X = 1\n",
        "report/__init__.py": "",
        "report/figures.py": "X = 1\n",
        "signals/__init__.py": "",
        "signals/stft.py": "def run(a, b):\n    from .windows import cut\n    return cut(a)\n",
        "signals/windows.py": "from signal_diffusion.config import X\n\ndef cut(a):\n    return a\n",
        "signals/other.py": "X = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / "signal_diffusion" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "signal_diffusion" / name).write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def mark(project, *extra, **named):
    for function in (module._facts, module._remembered, module._file):
        function.cache_clear()
    return module.fingerprint(project / "script.py", *extra, **named)


def append(project, name, text="\nNEW = 2\n"):
    path = project / "signal_diffusion" / name
    path.write_text(path.read_text() + text)


def test_docstrings_comments_and_formatting_do_not_count(project):
    before = mark(project)
    (project / "script.py").write_text(SAME)
    assert mark(project) == before
    append(project, "signals/windows.py", "\n\n# a comment\n")
    assert mark(project) == before


@pytest.mark.parametrize("name", ["signals/stft.py", "signals/windows.py", "signals/__init__.py"])
def test_modules_imported_directly_or_through_others_count(project, name):
    before = mark(project)
    append(project, name)
    assert mark(project) != before


@pytest.mark.parametrize("name", ["signals/other.py", "models/net.py", "config/__init__.py", "cli.py"])
def test_modules_not_imported_or_silent_do_not_count(project, name):
    before = mark(project)
    append(project, name)
    assert mark(project) == before


def test_a_value_counts(project):
    before = mark(project)
    (project / "script.py").write_text(SCRIPT.replace("(1, 2)", "(1, 3)"))
    assert mark(project) != before


def test_a_chosen_module_counts(project):
    chosen = ["signal_diffusion.models.net"]
    before = mark(project, chosen)
    assert before != mark(project)
    append(project, "models/net.py")
    assert mark(project, chosen) != before


def test_a_silent_module_counts_where_it_is_heard(project):
    (project / "script.py").write_text(f"from signal_diffusion.report import figures\n{SCRIPT}")
    silent, heard = mark(project), mark(project, heard=["report"])
    append(project, "report/figures.py")
    assert mark(project) == silent
    assert mark(project, heard=["report"]) != heard


def test_facts_are_kept_beside_snakemakes_records(project, monkeypatch):
    (project.parent / ".snakemake").mkdir(exist_ok=True)
    kept = []
    monkeypatch.setattr(
        module.atexit, "register", lambda function, *arguments: kept.append((function, arguments))
    )
    before = mark(project)
    for function, arguments in kept:
        function(*arguments)
    monkeypatch.setattr(module.ast, "parse", None)  # nothing is parsed again
    assert mark(project) == before
