#!/usr/bin/env bash
# Demonstrates asset-indexer: starts a local S3 server, fills a bucket with about 3,000 assets, indexes it,
# searches it, and starts the daemon. Needs Rust and Python 3. Writes only under target/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh

usage='usage: deploy/demo.sh [--once]

  --once   exit at the end. Otherwise, on a terminal, the local S3 server, the
           daemon and its web page stay up until Ctrl-C, so that you can try
           your own searches.

The data of the demo is in target/demo. Each run deletes the data of the last one.
Set ASSET_INDEXER=FILE to run an existing binary.'

# Without a terminal, for example in a pipeline, there is no user who could press Ctrl-C.
once=yes
if [[ -t 0 || -t 1 ]]; then once=no; fi
case "$#:${1-}" in
    0:) ;;
    1:--once) once=yes ;;
    1:-h | 1:--help) printf '%s\n' "$usage" && exit ;;
    *) printf '%s\n' "$usage" >&2 && exit 2 ;;
esac

demo=$PWD/target/demo
config=target/demo/asset-indexer.toml
binary=${ASSET_INDEXER:-${CARGO_TARGET_DIR:-target}/release/asset-indexer}
bucket=acme-assets
# The processes in the background. Each is a process group of its own, which Ctrl-C does not reach: Python would
# print a traceback.
server=
daemon=
# The daemon, when it is ready and stops well.
ready=

# Stops the processes in the background. The traps call it. A signal can arrive before a variable has the id of a new
# process, so this asks Bash for all of them.
# shellcheck disable=SC2317
stop_all() {
    trap '' INT TERM HUP
    local process signal
    for process in $(jobs -p); do
        signal=KILL
        if [[ $process == "$ready" ]]; then signal=TERM; fi
        kill "-$signal" -- "-$process" 2>/dev/null || true
    done
    wait 2>/dev/null || true
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Starts a command as a process group in the background. Its id is in $started.
start() {
    set -m
    # Without a redirection, bash replaces the standard input of a process in the background.
    "$@" <&0 &
    set +m
    started=$!
}

# Runs a command in the background and waits for its end. stop_all stops it.
run_helper() {
    start "$@"
    wait "$started"
}

# Runs a Python program: python ARGUMENT... <PROGRAM
python() {
    run_helper "$venv/bin/python" - "$@"
}

say() {
    printf '\n# %s\n' "$*"
}

# Prints a command as a user would type it, then runs it.
run() {
    local word shown=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=-]+$ ]] || word="'$word'"
        shown+=" $word"
    done
    printf '\n$ asset-indexer%s\n' "$shown"
    "$binary" --config "$config" "$@"
}

# Fills the bucket or changes its objects: update_bucket ENDPOINT fill|change
update_bucket() {
    python "$1" "$bucket" "$2" <<'PYTHON'
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, bucket, task = sys.argv[1:]
access = {
    "endpoint_url": endpoint,
    "region_name": "us-east-1",
    "aws_access_key_id": "demo",
    "aws_secret_access_key": "demo",
}
path_style = Config(s3={"addressing_style": "path"}, max_pool_connections=16)
s3 = boto3.client("s3", config=path_style, **access)
rng = random.Random(2024)
PLACES = ["beach", "forest", "Zürich", "São Paulo", "harbour", "market", "東京", "old town"]
SEASONS = ["spring", "summer", "autumn", "winter"]
THINGS = ["chair", "desk lamp", "backpack", "running shoe", "coffee cup", "rain jacket"]
VIEWS = ["front", "side", "detail", "thumb"]


def assets():
    """Yields keys and sizes like those in the asset library of a shop."""
    for number in range(1200):
        month, place = number % 12, rng.choice(PLACES)
        season = SEASONS[(month + 10) % 12 // 3]
        name = f"{season} {place} {number:04}.jpg" if number % 3 else f"IMG_{number:04}.JPG"
        yield f"photos/{2022 + number // 12 % 3}/{month + 1:02}/{name}", rng.randint(200, 4000)
    for number in range(350):
        thing = THINGS[number % len(THINGS)].replace(" ", "-")
        for view in VIEWS:
            yield f"products/{thing}/{number:05}/{thing}_{view}.webp", rng.randint(100, 2000)
    for number in range(120):
        variant = ["primary", "white", "small", "print"][number % 4]
        yield f"brand/logos/{number // 8:02}/acme-logo+{variant}.{['svg', 'png'][number // 4 % 2]}", 300
    for name in ["heroBannerHome", "heroBannerSale", "checkoutIcons", "emptyCartIllustration"]:
        for scale in ["", "@2x", "@3x"]:
            yield f"web/{name}{scale}.png", rng.randint(300, 900)
    for number in range(6):
        yield f"video/campaign-{number + 1}/intro (final).mp4", rng.randint(1_100_000, 1_900_000)
    for number in range(180):
        yield f"docs/2024/price list {number:03} – 50% off.pdf", rng.randint(400, 3000)
    for number in range(80):
        yield f"internal/drafts/{number:02}/notes.txt", 50
    for folder in ["photos", "products", "brand", "docs"]:
        yield f"{folder}/", 0


def put(asset):
    key, size = asset
    s3.put_object(Bucket=bucket, Key=key, Body=b"\0" * size)


everything = list(assets())
with ThreadPoolExecutor(16) as pool:
    if task == "fill":
        s3.create_bucket(Bucket=bucket)
        list(pool.map(put, everything))
        print(f"{len(everything)} objects put into the bucket")
        sqs = boto3.client("sqs", **access)
        dead = sqs.create_queue(QueueName=f"{bucket}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "10"}}'
        queue = sqs.create_queue(QueueName=bucket, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
        notifications = {"QueueConfigurations": [{"QueueArn": arn, "Events": events}]}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)
        print("the bucket sends its events to a queue")
    else:
        removed = [key for key, _ in everything if key.startswith("photos/2022/01/")][:30]
        changed = [(key, size + 1) for key, size in everything if key.startswith("brand/")][:20]
        new = [(f"photos/2026/11/first snow {number:02}.jpg", 900) for number in range(50)]
        list(pool.map(lambda key: s3.delete_object(Bucket=bucket, Key=key), removed))
        list(pool.map(put, changed + new))
        print(f"{len(new)} objects put, {len(changed)} overwritten, {len(removed)} deleted")
PYTHON
}

# Prints a free port below the range that Linux uses for outgoing connections: free_port [FROM]
free_port() {
    python "$@" <<'PYTHON'
import os
import socket
import sys

first = int(sys.argv[1]) if sys.argv[1:] else os.getpid()
for number in range(10_000):
    port = 20_000 + (first + number) % 10_000
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PYTHON
}

# Waits until the URL answers. Fails if the process exits or does not answer in time: wait_for URL PROCESS
wait_for() {
    python "$1" "$2" <<'PYTHON'
import os
import sys
import time
import urllib.request

url, server = sys.argv[1], int(sys.argv[2])
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    os.kill(server, 0)
    try:
        urllib.request.urlopen(url).close()
        sys.exit(0)
    except OSError:
        time.sleep(0.02)
sys.exit(f"{url} does not answer")
PYTHON
}

# Waits until the events of all 100 changes are acknowledged, so the index has them:
# wait_for_events STATUS_URL
wait_for_events() {
    python "$1" <<'PYTHON'
import json
import sys
import time
import urllib.request

deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    with urllib.request.urlopen(sys.argv[1]) as answer:
        report = json.load(answer)
    if report["queues"][0]["counts"]["acknowledged"] >= 100:
        sys.exit(0)
    time.sleep(0.05)
sys.exit("the events do not arrive; see target/demo/daemon.log")
PYTHON
}

if [[ -z ${ASSET_INDEXER-} ]]; then need cargo 'install Rust, see https://rustup.rs'; fi
say 'Installing the local S3 server under target/ (about 15 seconds the first time)'
run_helper prepare_venv
if [[ -z ${ASSET_INDEXER-} ]]; then
    say 'Building (about ten minutes the first time)'
    cargo build --release --locked
fi

mkdir -p target
exec 9>target/demo.lock
flock --nonblock 9 || die 'another demo is running in this folder. End it with Ctrl-C in its terminal'
if [[ -e $demo ]]; then say 'Deleting the data of the last demo in target/demo'; fi
rm -rf -- "$demo"
mkdir -p "$demo"
port=$(free_port)
endpoint=http://127.0.0.1:$port
status=http://127.0.0.1:$(free_port $((port + 1)))
say "Starting the local S3 server at $endpoint"
start env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" LOG_LEVEL=WARNING TMPDIR="$demo" \
    "$venv/bin/ministack" >"$demo/server.log" 2>&1 </dev/null
server=$started
wait_for "$endpoint/_ministack/health" "$server" 2>>"$demo/server.log" ||
    die "the local S3 server did not start; see target/demo/server.log"
update_bucket "$endpoint" fill

(umask 077 && printf 'demo' >"$demo/secret")
cat >"$config" <<TOML
data_dir = "$demo/data"

[serve]
listen = "${status#http://}"

# Sources that you set up yourself may use the local S3 server too.
[managed]
allowed_hosts = ["127.0.0.1", "localhost"]

[[source]]
name = "acme"
bucket = "$bucket"
region = "us-east-1"
endpoint_url = "$endpoint"
path_style = true
subdomain = "acme"
rules = { exclude = ["/internal"] }
credentials = { access_key_id = "demo", secret_access_key_file = "$demo/secret" }

[source.events]
queue_url = "$endpoint/000000000000/$bucket"
credentials = { access_key_id = "demo", secret_access_key_file = "$demo/secret" }
TOML
say "The configuration file $config:"
cat "$config"

say 'In the following commands, asset-indexer stands for'
printf '  %s --config %s\n' "$binary" "$config"
run check
run reindex
run search 'summer beach' --limit 5
run search 'hero banner' --sort -size
run search 'folder:brand/logos ext:svg white' --limit 5
run search 'size:>1mb' --sort -size
run search 'price -thumb modified:>2024-01-01' --limit 3
run search 'zürich' --limit 1 --json
run rules test /internal/drafts/01/notes.txt /web/heroBannerHome.png

say 'Starting the daemon in the background; its log is target/demo/daemon.log'
printf '\n$ asset-indexer serve --link &\n'
start "$binary" --config "$config" serve --link >"$demo/link" 2>"$demo/daemon.log" </dev/null
daemon=$started
wait_for "$status/readyz" "$daemon" || die 'the daemon is not ready; see target/demo/daemon.log'
ready=$daemon
printf '\n# The web page is %s/\n' "$status"
printf '# This link opens it so that you can set up Sources. It works once, for 15 minutes:\n%s\n' "$(grep -o 'http.*' "$demo/link")"

say 'Changing the bucket; the daemon follows'
update_bucket "$endpoint" change
wait_for_events "$status/status"
run search 'first snow' --limit 3
run status
run explain acme 'photos/2026/11/first snow 07.jpg'
run reindex

if [[ $once == yes ]]; then
    say 'Done'
    exit 0
fi
say "The web page is $status/ until you press Ctrl-C. The status is $status/status, the metrics are $status/metrics." >"$demo/last_lines"
{
    printf '# In another terminal, in this folder, try:\n'
    printf '  %s --config %s %s\n' \
        "$binary" "$config" "search 'coffee front' --sort -modified" \
        "$binary" "$config" 'status' \
        "$binary" "$config" 'reindex --rebuild' \
        "$binary" "$config" '--help'
} >>"$demo/last_lines"
# Bash can miss a trap for a signal that arrives in `wait`, so Bash ignores Ctrl-C and Python waits for it.
trap '' INT
"$venv/bin/python" - "$demo/last_lines" "$server" "$daemon" <<'PYTHON' || die 'the local S3 server or the daemon exited; see target/demo/server.log and target/demo/daemon.log'
"""Prints a file, then waits for Ctrl-C. Exits with 1 if one of the processes ends before."""

import os
import select
import signal
import sys
from pathlib import Path

lines, *processes = sys.argv[1:]
interrupt, on_interrupt = os.pipe()
os.set_blocking(on_interrupt, False)
signal.signal(signal.SIGINT, lambda *_: None)
signal.set_wakeup_fd(on_interrupt)
print(Path(lines).read_text(), end="", flush=True)
ends = [os.pidfd_open(int(process)) for process in processes]
ended, _, _ = select.select([interrupt, *ends], [], [])
print()
sys.exit(0 if interrupt in ended else 1)
PYTHON
