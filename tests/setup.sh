# shellcheck shell=bash
# Makes the isolated Python environment with the local S3 server, and gets what the test of the page
# runs in; sourced by tests/run.sh and deploy/demo.sh, which run from the project's folder. Nothing is
# installed outside of target/ but the browser, from Debian's packages.

venv=${ASSET_INDEXER_TEST_VENV:-$PWD/target/venv}
modules=${ASSET_INDEXER_TEST_NODE:-$PWD/target/node}
prometheus=${ASSET_INDEXER_TEST_PROMETHEUS:-$PWD/target/prometheus}

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

# Gets a browser, and the packages of Node.js into $modules, unless they are there.
prepare_node() {
    need node 'install Node.js 20 or later (Debian, Ubuntu: apt install nodejs npm)'
    need npm 'it comes with Node.js (Debian, Ubuntu: apt install npm)'
    if ! command -v chromium >/dev/null; then
        [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null ||
            die 'chromium is not there: install it (Debian, Ubuntu: apt install chromium)'
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null ||
            die 'apt-get could not install chromium: is the network there?'
    fi
    local wanted=tests/node/package-lock.json
    cmp -s "$wanted" "$modules/package-lock.json" && [ -d "$modules/node_modules" ] && return
    rm -rf -- "$modules"
    mkdir -p "$modules"
    cp tests/node/package.json "$wanted" "$modules"
    npm ci --prefix "$modules" --no-audit --no-fund --silent || {
        rm -rf -- "$modules"
        die "npm could not install what $wanted names: is the network there?"
    }
}

# Unpacks Prometheus and promtool into $prometheus, unless they are there. The package is not installed:
# that would start a service.
prepare_promtool() {
    [ -x "$prometheus/usr/bin/promtool" ] && return
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        die 'Prometheus comes from a Debian package: apt-get and dpkg-deb are not there'
    fi
    rm -rf -- "$prometheus"
    mkdir -p "$prometheus"
    (
        cd "$prometheus"
        apt-get download prometheus >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get download prometheus >/dev/null; }
        dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb
    ) || die 'apt-get could not get the package prometheus: is the network there?'
}
