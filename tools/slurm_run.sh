#!/usr/bin/env bash
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What slurm_train.sh and slurm_test.sh have in common: start a tool under Slurm.
#   tools/slurm_run.sh PARTITION JOB_NAME TOOL [OPTIONS OF TOOL]
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS say where.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '4s/# *//p' "$0" >&2
    exit 2
fi
# SRUN_ARGS holds several words.
# shellcheck disable=SC2086
exec srun -p "$1" \
    --job-name="$2" \
    --gres="gpu:${GPUS_PER_NODE:-8}" \
    --ntasks="${GPUS:-8}" \
    --ntasks-per-node="${GPUS_PER_NODE:-8}" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "${@:3}"
