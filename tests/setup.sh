# shellcheck shell=bash
# Makes the isolated Python environment with the local S3 server; sourced by tests/run.sh and
# deploy/demo.sh, which run from the project's folder. Nothing is installed outside of target/.

venv=${ASSET_INDEXER_TEST_VENV:-$PWD/target/venv}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# need PROGRAM HOW_TO_GET_IT
need() {
    command -v "$1" >/dev/null || die "$1 is not there: $2"
}

# Makes $venv, unless it is there with these very requirements.
prepare_venv() {
    local wanted=tests/requirements.txt made="$venv/requirements.txt"
    cmp -s "$wanted" "$made" && return
    need python3 'install Python 3.10 or later (Debian, Ubuntu: apt install python3 python3-venv)'
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$(python3 --version) is too old: the local S3 server needs Python 3.10 or later"
    rm -rf -- "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" ||
        die 'python3 cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)'
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" ||
        die "pip could not install what $wanted names: is the network there?"
    cp "$wanted" "$made"
}
