# shellcheck shell=bash
# Makes the isolated Python environment with the local S3 server, and gets what the test of the page
# runs in and what the printed set-up is held to; sourced by tests/run.sh, tests/forms.sh, deploy/demo.sh
# and deploy/package.sh, which run from the project's folder. Nothing is installed outside of target/ but
# the browser, jq, shellcheck, and what makes and runs a system in a container, from Debian's packages.

venv=${ASSET_INDEXER_TEST_VENV:-$PWD/target/venv}
tools=${ASSET_INDEXER_TEST_TOOLS:-$PWD/target/tools}
modules=${ASSET_INDEXER_TEST_NODE:-$PWD/target/node}
prometheus=${ASSET_INDEXER_TEST_PROMETHEUS:-$PWD/target/prometheus}
cargo_tools=${ASSET_INDEXER_TEST_CARGO_TOOLS:-$PWD/target/tools-cargo}
cargo_deb=$cargo_tools/bin/cargo-deb
cargo_deb_version=3.8.0
container=${ASSET_INDEXER_TEST_CONTAINER:-$PWD/target/container}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# need PROGRAM HOW_TO_GET_IT
need() {
    command -v "$1" >/dev/null || die "$1 is not there: $2"
}

# Makes $venv with the local S3 server, unless it is there with these very requirements.
prepare_venv() {
    make_venv "$venv" tests/requirements.txt
}

# Makes $tools with the AWS CLI and the linters, and gets the programs beside them.
prepare_tools() {
    make_venv "$tools" tests/tools.txt
    get_program jq
    get_program shellcheck
}

# make_venv FOLDER REQUIREMENTS
make_venv() {
    local wanted=$2 made="$1/requirements.txt"
    cmp -s "$wanted" "$made" && return
    need python3 'install Python 3.10 or later (Debian, Ubuntu: apt install python3 python3-venv)'
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$(python3 --version) is too old: the local S3 server needs Python 3.10 or later"
    rm -rf -- "$1"
    mkdir -p "$(dirname "$1")"
    python3 -m venv "$1" ||
        die 'python3 cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)'
    "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" ||
        die "pip could not install what $wanted names: is the network there?"
    cp "$wanted" "$made"
}

# get_program NAME [PACKAGE]: a program that Debian has in that package, or in one of its name
get_program() {
    local package=${2:-$1}
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        die "$1 is not there: install it (Debian, Ubuntu: apt install $package)"
    fi
    if ! apt-get update -qq || ! apt-get install -y -qq --no-install-recommends "$package" >/dev/null; then
        die "apt-get could not install $package: is the network there?"
    fi
}

# Gets a browser, and the packages of Node.js into $modules, unless they are there.
prepare_node() {
    need node 'install Node.js 20 or later (Debian, Ubuntu: apt install nodejs npm)'
    need npm 'it comes with Node.js (Debian, Ubuntu: apt install npm)'
    get_program chromium
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

# Builds cargo-deb into $cargo_tools, unless this version of it is there.
prepare_cargo_deb() {
    [ "$("$cargo_deb" --version 2>/dev/null)" = "$cargo_deb_version" ] && return
    cargo install --quiet --locked --root "$cargo_tools" --version "$cargo_deb_version" cargo-deb ||
        die "cargo could not install cargo-deb $cargo_deb_version: is the network there?"
}

# Makes the Debian system in $container that the package is installed in under a systemd of its own, unless it is
# there; of the release of this machine, whose C library the program is linked to. Where that cannot be
# done the tests that need it are skipped, which they say too.
prepare_container() {
    [ -d "$container" ] && return
    local codename made="$container.part"
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null || [ -z "$codename" ]; then
        printf 'skipped: the system in a container: it needs root on a Debian\n'
        return
    fi
    get_program debootstrap
    get_program systemd-nspawn systemd-container
    rm -rf -- "$made"
    mkdir -p "$made"
    # Besides systemd what the package depends on, since the container has no network of its own.
    if ! debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,procps \
        "$codename" "$made" >"$made.log" 2>&1; then
        printf 'skipped: the system in a container: debootstrap could not make it: %s\n' "$(tail -n 1 "$made.log")"
        return
    fi
    mv "$made" "$container"
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
