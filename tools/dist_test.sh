#!/usr/bin/env bash
# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Test on several GPUs, or in several processes on a machine without one:
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [OPTIONS OF test.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT set up several machines.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '4s/# *//p' "$0" >&2
    exit 2
fi
TOOLS=$(dirname "$0")
# Signals reach the processes: the shell is replaced.
exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$3" \
    "$TOOLS/test.py" "$1" "$2" --launcher pytorch "${@:4}"
