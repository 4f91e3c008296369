# `make demo` and `make test` set up .venv by themselves; PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
# Apple's make 3.81 looks plain commands up in its own PATH, not in the one below, unless SHELL is not its default; and
# Snakemake needs bash anyway.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Without compiled modules every job would compile torch anew.
unexport PYTHONDONTWRITEBYTECODE

READY := .venv/ready

.PHONY: setup setup-gpu demo test test-slow slurm-check lint format accept constraints
setup: $(READY)

$(READY): pyproject.toml constraints.txt envs/install.sh
	@echo "Setting up .venv, once"
	@sh envs/install.sh $(PYTHON)
	@touch $@

# Kernels for NVIDIA GPUs, built for the torch and the GPU that are here: run it on a GPU node.
setup-gpu: $(READY)
	sh envs/install_gpu.sh

demo: $(READY)
	@echo "From simulated recordings to results/diffusion/demo; .venv/bin/python scripts/status.py shows the jobs"
	snakemake --quiet rules host reason
	@echo "Done. Start with results/diffusion/demo/README.md; the figures are beside it."

# Two processes, of which one runs all that needs the finished demo; threads that wait sleep, for both to have room.
test: $(READY)
	OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0 pytest -n 2 --dist loadgroup -m "not slow" $(PYTEST)

test-slow: $(READY)
	OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0 pytest -n 2 --dist loadgroup -m slow $(PYTEST)

# What a job finds on the cluster, on a CPU node and on a GPU node; PROFILE for one of your own.
PROFILE ?= profiles/slurm
PROBES := logs/probe/cpu.txt logs/probe/gpu.txt
slurm-check: $(READY)
	@command -v sbatch > /dev/null || { echo "error: no sbatch here; run this where you submit jobs" >&2; exit 2; }
	snakemake --profile $(PROFILE) --retries 0 --slurm-init-seconds-before-status-checks 5 \
	    --quiet rules host reason --forcerun cpu_probe gpu_probe -- $(PROBES)
	@for probe in $(PROBES); do echo; echo "$$probe"; cat $$probe; done

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	python scripts/config_reference.py --check

format: $(READY)
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

accept: $(READY)
	python scripts/accept.py

.venv/bin/uv:
	@$(MAKE) setup

# Not after setup: where the bounds have just left the old versions, those can no longer be installed.
constraints: .venv/bin/uv
	echo "torch==2.13.0" | env -u UV_FIND_LINKS uv pip compile --quiet --universal --python-version 3.11 --no-header \
	    --no-annotate --no-emit-index-url --extra dev --constraint - pyproject.toml --output-file constraints.txt
