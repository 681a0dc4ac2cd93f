#!/usr/bin/env bash
# Installs other listers under target/, builds the benchmarks, and compares: tests/bench/run.sh [--quick]
#
# Writes tests/bench/RESULTS.md and growth.svg. With --quick, it only prints, and takes a minute after the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

case "$#:${1-}" in
    0: | 1:--quick) ;;
    *) printf 'usage: tests/bench/run.sh [--quick]\n' >&2 && exit 2 ;;
esac

need cargo 'install Rust, see https://rustup.rs'
contenders=$PWD/target/contenders
make_venv "$contenders" tests/bench/requirements.txt
cargo build --release --locked

# The path of the benchmark ends with a hash, so Cargo has to say it.
list_server=$(cargo bench --bench list_server --no-run --locked --message-format json |
    "$contenders/bin/python" -c '
import json, sys
messages = map(json.loads, sys.stdin)
print(next(m["executable"] for m in messages if m.get("target", {}).get("name") == "list_server" and m.get("executable")))')
"$contenders/bin/python" tests/bench/compare.py --binary "${CARGO_TARGET_DIR:-target}/release/asset-indexer" \
    --server "$list_server" "$@"
