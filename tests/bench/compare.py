#!/usr/bin/env python3
"""Compares asset-indexer with other listers and with itself. tests/bench/run.sh installs what this needs.

Contenders take turns, so that a slow moment of the machine meets all of them. All figures are medians.
"""

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from contenders import ListServer, asset_indexer, listers, measure, rclone

import matplotlib

matplotlib.use("svg")
# Without it, each run would write other identifiers.
matplotlib.rcParams["svg.hashsalt"] = "asset-indexer"
from matplotlib import pyplot  # noqa: E402

FOLDER = Path(__file__).parent
LAYOUTS = ["nested", "flat", "skewed", "deep", "hashed", "library"]

# Time that the store takes for a page in the comparison of cold listings, and the requests in flight.
LATENCY_MS = 80
IN_FLIGHT = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="the release build of asset-indexer")
    parser.add_argument("--server", required=True, help="the benchmark list_server")
    parser.add_argument("--quick", action="store_true", help="small buckets and one run, without RESULTS.md")
    arguments = parser.parse_args()
    runs = 1 if arguments.quick else 5
    report = Report()
    compare_listers(arguments, report, 100_000 if arguments.quick else 1_000_000, runs)
    compare_cold(arguments, report, 20_000 if arguments.quick else 200_000, runs)
    sizes = [10_000, 100_000] if arguments.quick else [10_000, 100_000, 1_000_000, 5_000_000]
    growth = measure_growth(arguments, report, sizes, min(runs, 3))
    if not arguments.quick:
        plot_growth(growth)
        report.write()


class Report:
    """Prints tables and remembers them for RESULTS.md."""

    def __init__(self):
        self.parts = []

    def table(self, title, notes, head, rows):
        lines = [f"## {title}", "", notes, "", "| " + " | ".join(head) + " |"]
        lines.append("|---" + "|---:" * (len(head) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        self.parts.append("\n".join(lines))
        print("\n" + self.parts[-1], flush=True)

    def write(self):
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        machine = f"{os.cpu_count()} cores ({cpu_model()}), {memory_gb()} GB of memory, Linux {platform.release()}"
        head = (
            "# Results of the benchmarks\n\n"
            f"`tests/bench/run.sh` wrote this file on {datetime.date.today()}, at commit {commit.stdout.strip()}, "
            f"on {machine}. Server and clients share the machine. All figures are medians."
        )
        plot = "![CPU time for each key, by the size of the bucket](growth.svg)"
        (FOLDER / "RESULTS.md").write_text("\n\n".join([head, *self.parts, plot]) + "\n")


def compare_listers(arguments, report, keys, runs):
    """CPU time to list a bucket whose pages cost nothing."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder, ListServer(arguments.server, "nested", keys) as server:
        commands = listers(arguments.binary, server, folder)
        for _ in range(runs):
            for name, command in commands.items():
                measured.setdefault(name, []).append(measure(command, server, keys))
    ours = median(measured["asset-indexer"], "cpu")
    rows = [
        [
            name,
            f"{median(found, 'cpu'):.2f}",
            f"{median(found, 'cpu') / ours:.1f}×",
            f"{median(found, 'wall'):.2f}",
            f"{median(found, 'peak_mb'):.0f}",
        ]
        for name, found in measured.items()
    ]
    report.table(
        f"Listing {keys:,} keys",
        "CPU time of the client. asset-indexer also decodes sizes, times and ETags, and applies rules "
        "(`reindex --dry-run`).",
        ["lister", "CPU s", "of asset-indexer", "wall s", "peak MB"],
        rows,
    )


def compare_cold(arguments, report, keys, runs):
    """Wall time of the first listing if each page takes LATENCY_MS."""
    rows = []
    for layout in LAYOUTS:
        ours, theirs = [], []
        with ListServer(arguments.server, layout, keys, "--latency", LATENCY_MS) as server:
            for _ in range(runs):
                with tempfile.TemporaryDirectory() as folder:
                    command = asset_indexer(arguments.binary, server, folder, in_flight=IN_FLIGHT)
                    ours.append(measure(command, server, keys))
                if layout in ("nested", "flat"):
                    theirs.append(measure(rclone(server, "--checkers", str(IN_FLIGHT)), server, keys))
        wall = median(ours, "wall")
        in_flight = statistics.median(run.stats["max_in_flight"] for run in ours)
        pages = statistics.median(run.stats["pages"] for run in ours)
        row = [layout, f"{wall:.2f}", f"{keys / wall:,.0f}", f"{in_flight:.0f}", f"{pages:.0f}"]
        rows.append([*row, f"{median(theirs, 'wall'):.2f}" if theirs else ""])
    report.table(
        f"First reindex of {keys:,} keys at {LATENCY_MS} ms a page, {IN_FLIGHT} requests in flight",
        f"Including the index. rclone lists with {IN_FLIGHT} checkers, without an index.",
        ["layout", "wall s", "keys/s", "most in flight", "pages", "rclone wall s"],
        rows,
    )


def measure_growth(arguments, report, sizes, runs):
    """CPU time for each key of a first reindex and of an unchanged one, by the size of the bucket."""
    points = []
    for keys in sizes:
        first, unchanged = [], []
        with ListServer(arguments.server, "nested", keys) as server:
            for _ in range(runs):
                with tempfile.TemporaryDirectory() as folder:
                    command = asset_indexer(arguments.binary, server, folder)
                    first.append(measure(command, server, keys))
                    unchanged.append(measure(command, server, keys))
        points.append((keys, first, unchanged))
    rows = [
        [
            f"{keys:,}",
            *(cell for found in (first, unchanged) for cell in growth_cells(keys, found)),
        ]
        for keys, first, unchanged in points
    ]
    head = ["first: CPU s", "µs a key", "peak MB", "unchanged: CPU s", "µs a key", "peak MB"]
    report.table("Reindex by size", "With index, no latency.", ["keys", *head], rows)
    return points


def growth_cells(keys, runs):
    cpu = median(runs, "cpu")
    return f"{cpu:.2f}", f"{cpu / keys * 1e6:.2f}", f"{median(runs, 'peak_mb'):.0f}"


def plot_growth(points):
    """Writes growth.svg."""
    figure, axes = pyplot.subplots(figsize=(7, 4))
    sizes = [keys for keys, _, _ in points]
    for label, index in (("first reindex", 1), ("unchanged reindex", 2)):
        axes.plot(sizes, [median(point[index], "cpu") / point[0] * 1e6 for point in points], "o-", label=label)
    axes.set(xscale="log", xlabel="keys in the bucket", ylabel="CPU µs a key", ylim=(0, None))
    axes.legend()
    figure.tight_layout()
    figure.savefig(FOLDER / "growth.svg", metadata={"Date": None})


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def cpu_model():
    names = [line.split(":", 1)[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].strip() if names else platform.machine()


def memory_gb():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


if __name__ == "__main__":
    sys.exit(main())
