# shellcheck shell=bash
# Functions that install what tests, demo and package need: Python packages, Node.js packages and tools under
# target/, and the programs of prepare_programs as Debian packages.
# tests/run.sh, tests/forms.sh, deploy/demo.sh and deploy/package.sh source this file from the folder of the
# project.

venv=${ASSET_INDEXER_TEST_VENV:-$PWD/target/venv}
tools=${ASSET_INDEXER_TEST_TOOLS:-$PWD/target/tools}
modules=${ASSET_INDEXER_TEST_NODE:-$PWD/target/node}
prometheus=${ASSET_INDEXER_TEST_PROMETHEUS:-$PWD/target/prometheus}
cargo_tools=${ASSET_INDEXER_TEST_CARGO_TOOLS:-$PWD/target/tools-cargo}
cargo_deb=$cargo_tools/bin/cargo-deb
cargo_deb_version=3.8.0
container=${ASSET_INDEXER_TEST_CONTAINER:-$PWD/target/container}
generators=${ASSET_INDEXER_TEST_GENERATORS:-$PWD/target/generators}
openapi_generator_version=7.25.0

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# need PROGRAM HOW_TO_GET_IT
need() {
    command -v "$1" >/dev/null || die "$1 is not installed: $2"
}

# Creates $venv with the local S3 server, unless it already has these requirements.
prepare_venv() {
    make_venv "$venv" tests/requirements.txt
}

# Creates $tools with the AWS CLI and the linter for policies.
prepare_tools() {
    make_venv "$tools" tests/tools.txt
}

need_python() {
    need python3 'install Python 3.10 or later (Debian, Ubuntu: apt install python3 python3-venv)'
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$(python3 --version) is too old: the local S3 server needs Python 3.10 or later"
}

# make_venv FOLDER REQUIREMENTS
make_venv() {
    local requirements=$2 installed="$1/requirements.txt"
    cmp -s "$requirements" "$installed" && return
    need_python
    rm -rf -- "$1"
    mkdir -p "$(dirname "$1")"
    python3 -m venv "$1" ||
        die 'python3 cannot create virtual environments (Debian, Ubuntu: apt install python3-venv)'
    "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" ||
        die "pip failed to install the packages of $requirements: check the network"
    cp "$requirements" "$installed"
}

# Installs programs that are missing as Debian packages, and says so before: get_programs PROGRAM[=PACKAGE]...
# Only root can install them. For other users, missing programs are an error that names all of them.
get_programs() {
    local program programs=() packages=()
    for program; do
        command -v "${program%%=*}" >/dev/null && continue
        programs+=("${program%%=*}")
        packages+=("${program#*=}")
    done
    [ ${#programs[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        die "not installed: ${programs[*]}. Install them as root (Debian, Ubuntu: apt install ${packages[*]})"
    fi
    printf 'Installing Debian packages with apt-get: %s\n' "${packages[*]}"
    if ! apt-get update -qq || ! apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; then
        die "apt-get failed to install ${packages[*]}: check the network"
    fi
}

# Installs all programs that the tests need as Debian packages.
prepare_programs() {
    get_programs git chromium faketime jq shellcheck strip=binutils dpkg-shlibdeps=dpkg-dev
    # Only root can create and boot a container.
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        get_programs debootstrap systemd-nspawn=systemd-container
    fi
    # The generators of clients, and the clients in Go.
    get_programs java=default-jre-headless mvn=maven go=golang-go
}

# Installs the Node.js packages into $modules, unless they are installed.
prepare_node() {
    need_node
    local lock=tests/node/package-lock.json
    cmp -s "$lock" "$modules/package-lock.json" && [ -d "$modules/node_modules" ] && return
    rm -rf -- "$modules"
    mkdir -p "$modules"
    cp tests/node/package.json "$lock" "$modules"
    npm ci --prefix "$modules" --no-audit --no-fund --silent || {
        rm -rf -- "$modules"
        die "npm failed to install the packages of $lock: check the network"
    }
}

need_node() {
    need node 'install Node.js 20 or later (Debian, Ubuntu: apt install nodejs npm)'
    need npm 'it comes with Node.js (Debian, Ubuntu: apt install npm)'
}

# Installs cargo-deb into $cargo_tools, unless this version is installed.
prepare_cargo_deb() {
    [ "$("$cargo_deb" --version 2>/dev/null)" = "$cargo_deb_version" ] && return
    cargo install --quiet --locked --root "$cargo_tools" --version "$cargo_deb_version" cargo-deb ||
        die "cargo failed to install cargo-deb $cargo_deb_version: check the network"
}

# Installs the generators of clients into $generators, unless these versions are there: openapi-generator, which is
# a Java program, and openapi-python-client with what its clients need.
prepare_generators() {
    make_venv "$generators/venv" tests/clients/requirements.txt
    local plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1 version=$generators/version
    [ "$(cat "$version" 2>/dev/null)" = "$openapi_generator_version" ] && return
    mvn --quiet --batch-mode "$plugin:copy" -DoutputDirectory="$generators" -Dmdep.stripVersion=true \
        -Dartifact="org.openapitools:openapi-generator-cli:$openapi_generator_version" ||
        die "Maven failed to get openapi-generator $openapi_generator_version: check the network"
    printf '%s' "$openapi_generator_version" >"$version"
}

# Creates a Debian system in $container, unless it exists. Tests install the package there, under its own
# systemd. It has the Debian release of this machine, because the program is linked to the C library of this
# machine. If the system cannot be created, the tests that need it are skipped and print that.
prepare_container() {
    [ -d "$container" ] && return
    local codename part="$container.part"
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null || [ -z "$codename" ]; then
        printf 'skipped: the Debian container, because it needs root on Debian\n'
        return
    fi
    rm -rf -- "$part"
    mkdir -p "$part"
    # The container has no network, so it gets systemd and the dependencies of the package here.
    if ! debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,procps \
        "$codename" "$part" >"$part.log" 2>&1; then
        printf 'skipped: the Debian container, because debootstrap failed: %s\n' "$(tail -n 1 "$part.log")"
        return
    fi
    mv "$part" "$container"
}

# Unpacks Prometheus and promtool into $prometheus, unless they are there. The Debian package is not
# installed, because that would start a service.
prepare_promtool() {
    [ -x "$prometheus/usr/bin/promtool" ] && return
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        die 'not installed: apt-get, dpkg-deb. The tests need them to get Prometheus from its Debian package'
    fi
    rm -rf -- "$prometheus"
    mkdir -p "$prometheus"
    (
        cd "$prometheus" || exit
        if ! apt-get download prometheus >/dev/null 2>&1; then
            [ "$(id -u)" -eq 0 ] || die 'apt-get does not know the package prometheus: run apt-get update as root'
            if ! apt-get update -qq || ! apt-get download prometheus >/dev/null; then
                die 'apt-get failed to download the package prometheus: check the network'
            fi
        fi
        dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb
    )
}
