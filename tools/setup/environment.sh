#!/bin/sh
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Find a Python and have it make the environment: environment.sh VENV [PYTHON [STACK]]
set -eu

is_wanted() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12), (3, 13)))' \
        2>/dev/null
}

venv=$1
stack=${3:-}
if [ -n "${2:-}" ]; then
    set -- "$2"
else
    # An environment that is there keeps its Python.
    own=$("$venv/bin/python" -c 'import sys; print(sys._base_executable)' 2>/dev/null) || own=
    set -- ${own:+"$own"} python3.11 python3.12 python3.13 python3 python
fi
for python in "$@"; do
    if is_wanted "$python"; then
        exec "$python" "$(dirname "$0")/environment.py" --venv "$venv" --stack "$stack"
    fi
done
echo "dynkd: Python 3.11, 3.12 or 3.13 is missing (tried: $*): install it, or" \
    "name it with PYTHON=/path/to/python3.11" >&2
exit 1
