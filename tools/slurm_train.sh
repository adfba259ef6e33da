#!/usr/bin/env bash
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Train under Slurm:
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [OPTIONS OF train.py]
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS say where.
set -euo pipefail
if [ $# -lt 4 ]; then
    sed -n '4s/# *//p' "$0" >&2
    exit 2
fi
TOOLS=$(dirname "$0")
exec bash "$TOOLS/slurm_run.sh" "$1" "$2" \
    "$TOOLS/train.py" "$3" --work-dir "$4" --launcher slurm "${@:5}"
