#!/bin/sh
# Sets up .venv with the versions in constraints.txt. uv does in seconds what takes pip minutes; it is told
# where pip finds wheels, so that it takes the torch that pip would take (a CPU build where there is one).
set -eu
python=${1:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $python is older than Python 3.11; name a newer one: make setup PYTHON=python3.12" >&2
    exit 2
}
"$python" -m venv .venv
pip=.venv/bin/pip
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$pip" install --quiet --constraint constraints.txt uv

configured() { "$pip" config get "global.$1" 2>/dev/null || true; }
find_links=${PIP_FIND_LINKS:-$(configured find-links)}
index=${PIP_INDEX_URL:-$(configured index-url)}
certificates=${PIP_CERT:-$(configured cert)}
if [ -n "$find_links" ]; then UV_FIND_LINKS=$(echo $find_links | tr ' ' ,); export UV_FIND_LINKS; fi
if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
if [ -n "$certificates" ]; then export SSL_CERT_FILE="$certificates"; fi
.venv/bin/uv pip install --quiet --python .venv/bin/python --constraint constraints.txt --editable '.[dev]' || {
    echo "uv cannot install from the index that pip is set up for; pip does it, in a few minutes" >&2
    "$pip" install --quiet --constraint constraints.txt --editable '.[dev]'
}
