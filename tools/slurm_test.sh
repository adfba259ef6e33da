#!/usr/bin/env bash
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Test under Slurm:
#   tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [OPTIONS OF test.py]
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS say where.
set -euo pipefail
if [ $# -lt 4 ]; then
    sed -n '4s/# *//p' "$0" >&2
    exit 2
fi
TOOLS=$(dirname "$0")
exec bash "$TOOLS/slurm_run.sh" "$1" "$2" \
    "$TOOLS/test.py" "$3" "$4" --launcher slurm "${@:5}"
