"""envs/ holds what each rule needs, in the versions that the project asks for."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "signal_diffusion"
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "mne_bids": "mne-bids",
    "yaml": "pyyaml",
    "markdown_it": "markdown-it-py",
}
# Kernels that something slower takes the place of, and an optimiser that a run may ask for and then misses.
OPTIONAL = {"bitsandbytes", "mamba_ssm", "natten"}


def environment(name: str) -> dict[str, Requirement]:
    *_, pip = yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]
    return {found.name: found for found in map(Requirement, pip["pip"])}


def scripts() -> set[tuple[str, str]]:
    """Environment and script of every rule."""
    found = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for body in re.split(r"^ *rule(?: \w+)?:$", path.read_text(), flags=re.MULTILINE)[1:]:
            names = re.findall(r"exec python scripts/(\w+)\.py", body)
            if "params.script" in body:
                names = ["build_text_encoders", "train_encoder"]
            found |= {(env, name) for env in re.findall(r"envs/(\w+\.yaml)", body) for name in names}
    return found


def imported(script: Path) -> set[str]:
    """Top-level names of other people's packages that a script imports, through the project's modules too."""
    waiting, seen, others = [(script, "")], set(), set()
    while waiting:
        path, package = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in names_in(ast.parse(path.read_text()), package):
            top = name.partition(".")[0]
            if top == PACKAGE:
                waiting += [(file, parent) for file, parent in modules(name)]
            elif top not in sys.stdlib_module_names:
                others.add(top)
    return others


def names_in(tree: ast.AST, package: str) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: -(node.level - 1) or None] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names if base.startswith(PACKAGE))]
    return names


def modules(name: str) -> list[tuple[Path, str]]:
    """The files that importing `name` runs, each with the package that it is in."""
    found, parts = [], name.split(".")
    for end in range(2, len(parts) + 1):
        path = ROOT.joinpath("lib", *parts[:end])
        if (path / "__init__.py").is_file():
            found.append((path / "__init__.py", ".".join(parts[:end])))
        elif path.with_suffix(".py").is_file():
            found.append((path.with_suffix(".py"), ".".join(parts[: end - 1])))
    return found


@pytest.mark.parametrize(("env", "script"), sorted(scripts()))
def test_an_environment_holds_what_its_scripts_import(env, script):
    needed = {DISTRIBUTIONS.get(name, name) for name in imported(ROOT / f"scripts/{script}.py") - OPTIONAL}
    assert needed <= set(environment(env)), f"{env} lacks {needed - set(environment(env))}"


@pytest.mark.parametrize("env", sorted(path.name for path in (ROOT / "envs").glob("*.yaml")))
def test_environments_allow_the_versions_that_were_seen_to_work(env):
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line]
    for name, wanted in environment(env).items():
        versions = [str(pin.specifier).removeprefix("==") for pin in pins if pin.name == name]
        assert versions and all(wanted.specifier.contains(version) for version in versions), name
