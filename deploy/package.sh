#!/usr/bin/env bash
# Builds the Debian package: the release binary, man pages, completions, the changelog, the copyright file and the
# bill of materials. Writes only under target/ (or $CARGO_TARGET_DIR). Prints the path of the package at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

usage='usage: deploy/package.sh [CARGO_DEB_OPTION...]

Options of cargo-deb are, for example, --output FILE and --deb-version 1.2.3-1.
Without --deb-version, the version has the time of the build, so that each build
is an upgrade, and the commit.

  ASSET_INDEXER_BINARY=FILE     package an existing binary
  ASSET_INDEXER_COMMIT=TEXT     the commit and its date, if there is no git:
                                what git log -1 --format="%h %cs" prints'

version=
options=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) printf '%s\n' "$usage" && exit ;;
        --deb-version)
            [ $# -ge 2 ] || die '--deb-version needs a version, for example 1.2.3-1'
            version=$2
            shift
            ;;
        --deb-version=*) version=${1#*=} ;;
        *) options+=("$1") ;;
    esac
    shift
done

need cargo 'install Rust, see https://rustup.rs'
need python3 'install Python 3.10 or later (Debian, Ubuntu: apt install python3)'
get_programs strip=binutils dpkg-shlibdeps=dpkg-dev
prepare_cargo_deb

binary=${ASSET_INDEXER_BINARY-}
if [ -z "$binary" ]; then
    # The build script asks git for the commit. It does not notice changes that are not committed.
    if [ -z "${ASSET_INDEXER_COMMIT-}" ] && [ -e .git ] && [ -n "$(git status --porcelain)" ]; then
        ASSET_INDEXER_COMMIT=$(git log -1 --format='%h-modified %cs')
        export ASSET_INDEXER_COMMIT
    fi
    cargo build --release --locked
    binary=${CARGO_TARGET_DIR:-target}/release/asset-indexer
fi
shown=$("$binary" --version)
case $shown in
    *'commit unknown'*) printf 'warning: the commit is unknown; set ASSET_INDEXER_COMMIT\n' >&2 ;;
esac

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
version=$(deploy/changelog.py "$shown" "$staged/changelog" "$version")

"$cargo_deb" deb --no-build --locked --deb-version "$version" "${options[@]}"
