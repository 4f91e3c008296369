#!/bin/sh
# Adds the kernels for a GPU machine to .venv: natten (neighbourhood attention), mamba-ssm (selective scan).
# Run it where a GPU is, on a GPU node of a cluster: what is built elsewhere has no kernels. So nothing is taken
# from pip's cache, where a wheel without kernels has the same name, and what is installed is replaced.
set -eu
python=.venv/bin/python
natten=${NATTEN:-0.21.7}
mamba=${MAMBA:-2.3.1}
export PIP_DISABLE_PIP_VERSION_CHECK=1

tag=$("$python" - <<'EOF'
import sys, torch
if torch.version.cuda is None:
    sys.exit("error: the torch in .venv is a CPU build; install the CUDA build of the version in constraints.txt")
if not torch.cuda.is_available():
    sys.exit("error: torch sees no GPU here; run this on a GPU node, in a job that has asked for one")
print("torch" + torch.__version__.split("+")[0].replace(".", "") + "cu" + torch.version.cuda.replace(".", ""))
EOF
)
install() {
    # The build must see the torch of .venv, and neither build nor kernels may bring another one.
    .venv/bin/pip install --quiet --no-cache-dir --force-reinstall --no-deps --no-build-isolation "$@"
}

.venv/bin/pip install --quiet --constraint constraints.txt setuptools wheel packaging ninja cmake einops
if [ -n "${NATTEN_WHEELS:-}" ]; then
    # A page or folder of built wheels. The full local version: a bare one takes the highest CUDA there is.
    install --find-links "$NATTEN_WHEELS" "natten==$natten+$tag"
else
    command -v nvcc > /dev/null || {
        echo "error: no nvcc to build natten with; load CUDA, or set NATTEN_WHEELS to a folder of built wheels" >&2
        exit 2
    }
    install --no-binary natten "natten==$natten"
fi
if [ -n "${MAMBA_WHEELS:-}" ]; then
    install --find-links "$MAMBA_WHEELS" --only-binary mamba-ssm "mamba-ssm==$mamba"
else
    MAMBA_FORCE_BUILD=TRUE install --no-binary mamba-ssm "mamba-ssm==$mamba"
fi

PYTHONPATH=lib "$python" - <<'EOF'
import sys, torch
from signal_diffusion.models import neighborhood, scan
device = torch.device("cuda")
found = {"neighbourhood attention": neighborhood.backend(device), "selective scan": scan.backend(device)}
print(*(f"{what}: {kernel}" for what, kernel in found.items()), sep="\n")
sys.exit(0 if list(found.values()) == ["natten", "mamba-ssm"] else "error: kernels are missing after the build")
EOF
