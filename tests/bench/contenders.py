"""The programs that tests/bench/compare.py runs against each other, and how to measure one run of a program.

Each contender lists the whole bucket of the server of list_server.rs. Only asset-indexer also applies rules and
looks at every key's size and time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

OBSTORE = """
import sys, obstore
from obstore.store import S3Store
store = S3Store("computed", endpoint=sys.argv[1], client_options={"allow_http": True}, virtual_hosted_style_request=False)
print(sum(len(page) for page in obstore.list(store, chunk_size=1000)))
"""

BOTO3 = """
import sys, boto3
from botocore.config import Config
s3 = boto3.client("s3", endpoint_url=sys.argv[1], config=Config(s3={"addressing_style": "path"}))
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="computed")
print(sum(len(page["Contents"]) for page in pages))
"""


@dataclass
class Run:
    """What one run of a program cost."""

    cpu: float
    wall: float
    peak_mb: float
    stats: dict


class ListServer:
    """The server with the computed bucket. It ends with the block."""

    def __init__(self, binary, layout, keys, *options):
        command = [binary, layout, str(keys), *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def stats(self):
        """What the server counted since the last call."""
        with urllib.request.urlopen(f"{self.address}/_stats") as answer:
            return json.load(answer)


def asset_indexer(binary, server, folder, *arguments, in_flight=None):
    """The command and its configuration file, with the default rules."""
    config = Path(folder) / "asset-indexer.toml"
    scan = f"[scan]\nranges_in_flight = {in_flight}\n\n" if in_flight else ""
    config.write_text(
        f'data_dir = "{folder}/data"\n\n{scan}[[source]]\nname = "computed"\nbucket = "computed"\n'
        f'subdomain = "computed"\nendpoint_url = "{server.address}"\npath_style = true\n'
    )
    return [binary, "--config", str(config), "reindex", *arguments]


def rclone(server, *options):
    """rclone; without --fast-list it lists folders in parallel."""
    remote = (
        f":s3,provider=Other,list_version=2,force_path_style=true,env_auth=true,region=us-east-1,"
        f"endpoint='{server.address}':computed"
    )
    return [tool("rclone"), "--config", "/dev/null", "lsf", "-R", "--files-only", *options, remote]


def tool(name):
    """A program that tests/bench/run.sh has installed next to this Python."""
    return str(Path(sys.executable).parent / name)


def listers(binary, server, folder):
    """All contenders, by name."""
    return {
        "asset-indexer": asset_indexer(binary, server, folder, "--dry-run"),
        "obstore": [sys.executable, "-c", OBSTORE, server.address],
        "rclone": rclone(server, "--fast-list"),
        "s5cmd": [tool("s5cmd"), "--endpoint-url", server.address, "ls", "s3://computed/*"],
        "boto3": [sys.executable, "-c", BOTO3, server.address],
    }


def measure(command, server, keys):
    """Runs a command to its end. Exits if it fails, or did not list every key."""
    server.stats()
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **CREDENTIALS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode != 0:
            sys.exit(f"{command[0]} failed: {errors.read().decode()}")
    stats = server.stats()
    if stats["keys"] < keys:
        sys.exit(f"{command[0]} listed {stats['keys']} of {keys} keys")
    # Linux counts the peak in kilobytes.
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, stats)
