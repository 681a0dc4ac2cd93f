#!/usr/bin/env python3
"""Prints the version of the Debian package, and writes its changelog in the format of Debian.

    deploy/changelog.py SHOWN CHANGELOG [VERSION]

SHOWN is the output of `asset-indexer --version`. CHANGELOG is the file to write: the newest section of CHANGELOG.md.
VERSION is the version of the package if it has to be another one, such as 0.1.0-1.

The version of the package is 0.1.0+20261129.191542.git0123abc-1: the version of the program, the time of the build in
UTC, and the commit if it is known. The time comes before the commit, so that a later build is a later version. The
variable SOURCE_DATE_EPOCH replaces the time of the build.
"""

import os
import re
import sys
import textwrap
import time
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Maximum length of a line of the Debian changelog.
LINE_LENGTH = 80


def package_version(shown, built):
    """The version of a package with a binary that shows this version."""
    found = re.fullmatch(r"asset-indexer (\S+) \(commit ([^,)]+).*\)\s*", shown)
    if not found:
        sys.exit(f"error: {shown!r} is not the output of asset-indexer --version")
    version, commit = found.groups()
    # Debian allows a hyphen only before the revision.
    source = "" if commit == "unknown" else f".git{commit.replace('-', '.')}"
    return f"{version}+{built:%Y%m%d.%H%M%S}{source}-1"


def newest_entries(changelog):
    """The entries of the newest section."""
    section = changelog.split("\n## ")[1]
    return [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]


def debian_changelog(version, built, changelog):
    """One section in the format of Debian."""
    maintainer = re.search(r'^maintainer = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    wrap = lambda entry: textwrap.fill(entry, LINE_LENGTH, initial_indent="  * ", subsequent_indent="    ",
                                       break_long_words=False, break_on_hyphens=False)
    entries = "\n".join(wrap(entry) for entry in newest_entries(changelog))
    return (
        f"asset-indexer ({version}) unstable; urgency=medium\n\n{entries}\n\n"
        f" -- {maintainer}  {format_datetime(built)}\n"
    )


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: deploy/changelog.py SHOWN CHANGELOG [VERSION]")
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    built = datetime.fromtimestamp(seconds, timezone.utc)
    shown, path, *given = sys.argv[1:]
    version = "".join(given) or package_version(shown, built)
    changelog = (ROOT / "deploy/CHANGELOG.md").read_text(encoding="utf-8")
    Path(path).write_text(debian_changelog(version, built, changelog), encoding="utf-8")
    print(version)


main()
