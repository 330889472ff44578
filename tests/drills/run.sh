#!/usr/bin/env bash
# run.sh [--short] [--only NAME]: plays the bad days of docs/operations.md on a local AWS, each with its time line.
cd "$(dirname "$0")/../.." || exit 1
PYTHONPATH=$PWD/tests/hook exec tests/hook/run.sh ../drills/drills "$@"
