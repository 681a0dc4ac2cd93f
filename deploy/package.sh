#!/usr/bin/env bash
# Builds the Debian package: the release binary, man pages, completions, the copyright file and the bill of
# materials. Writes only under target/ (or $CARGO_TARGET_DIR). Prints the path of the package at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

usage='usage: deploy/package.sh [CARGO_DEB_OPTION...]

Options of cargo-deb are, for example, --output FILE and --deb-version 1.2.3-1.

Set ASSET_INDEXER_BINARY=FILE to package an existing binary.'

case "${1-}" in
    -h | --help) printf '%s\n' "$usage" && exit ;;
esac

need cargo 'install Rust, see https://rustup.rs'
need python3 'install Python 3.10 or later (Debian, Ubuntu: apt install python3)'
get_program strip binutils
get_program dpkg-shlibdeps dpkg-dev
prepare_cargo_deb

binary=${ASSET_INDEXER_BINARY-}
if [ -z "$binary" ]; then
    cargo build --release --locked
    binary=${CARGO_TARGET_DIR:-target}/release/asset-indexer
fi

# Cargo.toml takes the assets of the package from this folder, so only one package can be built at a time.
staged=target/package
mkdir -p target
exec 9>target/package.lock
flock 9
rm -rf -- "$staged"
mkdir -p "$staged/man" "$staged/completions"
strip --output-file="$staged/asset-indexer" "$binary"
"$binary" manual "$staged/man"
for shell in bash zsh fish; do
    "$binary" completions "$shell" >"$staged/completions/$shell"
done
deploy/inventory.py "$staged/copyright" "$staged/sbom.json"

"$cargo_deb" deb --no-build --locked "$@"
