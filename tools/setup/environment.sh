#!/bin/sh
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Find a Python 3.11 and have it make the environment: environment.sh VENV [PYTHON]
set -eu

is_wanted() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

venv=$1
if [ -n "${2:-}" ]; then
    candidates=$2
else
    candidates='python3.11 python3 python'
fi
for python in $candidates; do
    if is_wanted "$python"; then
        exec "$python" "$(dirname "$0")/environment.py" --venv "$venv"
    fi
done
echo "dynkd: Python 3.11 is missing (tried: $candidates): install it, or name it with" \
    "PYTHON=/path/to/python3.11" >&2
exit 1
