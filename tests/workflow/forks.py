"""Commands as forks of a process that has already imported what takes most of their start."""

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER = """
import gc, importlib, json, os, runpy, sys

for module in sys.argv[1:]:
    importlib.import_module(module)
gc.freeze()  # or each fork would copy the pages of all these objects when it collects
for line in sys.stdin:
    command, folder, environment, said = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    os._exit(0)
os.chdir(folder)
os.environ.clear()
os.environ.update(environment)
sys.path[:0] = [os.path.abspath(part) for part in environment["PYTHONPATH"].split(os.pathsep)]
file = os.open(said, os.O_WRONLY)
for stream in (1, 2):
    os.dup2(file, stream)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
sys.argv = command
if command[0] == "snakemake":
    runpy.run_module("snakemake", run_name="__main__")
else:
    runpy.run_path(command[0], run_name="__main__")
"""


def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """The finished command, run from its very start; its output and errors together."""
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run(command, cwd=folder, env=environment, **said)


class Forks:
    """Runs `snakemake` or a script, each in a process of its own that finds `modules` imported, and none of ours."""

    def __init__(self, *modules: str):
        self._kept = TemporaryDirectory()
        self._said = Path(self._kept.name) / "said.txt"
        command = [sys.executable, "-I", "-c", SERVER, *modules]
        self._server = subprocess.Popen(
            command, cwd=self._kept.name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """As `started`."""
        self._said.write_text("")
        print(
            json.dumps([command, str(folder), dict(environment), str(self._said)]),
            file=self._server.stdin, flush=True,
        )  # fmt: skip
        code = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(command, code, self._said.read_text())

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
        self._kept.cleanup()


@cache
def forks(*modules: str) -> Forks:
    """Those of one process for the whole session."""
    found = Forks(*modules)
    atexit.register(found.close)
    return found
