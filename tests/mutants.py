#!/usr/bin/env python3
"""Breaks the code in known ways, and checks that a unit test notices each break.

    tests/mutants.py            # all breaks
    tests/mutants.py NAME...    # only these
    tests/mutants.py --list     # print their names

Copies the project to target/mutants and compiles its unit tests there once, with all breaks in place but switched
off. Then it runs the tests of each break twice: with everything switched off, and with only this break switched on
by an environment variable. The first run must pass, and in the second a test must fail.

Compiling once for each break would take about 40 s each.
"""

import functools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # tests/ stays as it is

from mutant_list import BREAKS  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = TARGET / "mutants"

# The environment variable that names the break to switch on.
VARIABLE = "ASSET_INDEXER_BREAK"

# Maximum time to run the tests of one break, in seconds. They take a few.
MAX_TEST_SECONDS = 120

# Exit code of a test binary if a test failed. A crash or a compile error has another one.
TEST_FAILED = 101

# Breaks cause warnings, for example about parentheses that are not needed everywhere.
ALLOW = "#![allow(warnings)]\n"

SWITCH = f"""
/// Whether the break with this name is switched on.
pub(crate) fn is_broken(name: &str) -> bool {{
    static NAME: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("{VARIABLE}").ok());
    NAME.as_deref() == Some(name)
}}
"""


def fail(message):
    sys.exit(f"mutants.py: {message}")


def selected(names):
    """The breaks with these names, or all of them."""
    known = {it.name for it in BREAKS}
    if len(known) < len(BREAKS):
        fail("two breaks have the same name")
    unknown = [name for name in names if name not in known]
    if unknown:
        fail(f"no break has the name {unknown[0]}")
    return [it for it in BREAKS if not names or it.name in names]


def read_project():
    """The contents of all files that git tracks or would add, by name."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    paths = ((name, ROOT / name) for name in names.split("\0") if name)
    return {name: path.read_bytes() for name, path in paths if path.is_file()}


def insert_breaks(files, breaks):
    """Puts each break next to the code that it replaces, switched off."""
    for it in breaks:
        text = files[it.file].decode()
        count = text.count(it.old)
        if count != 1:
            fail(f"{it.name}: the text to replace occurs {count} times in {it.file}, but must occur once:\n{it.old}")
        both = f'if crate::is_broken("{it.name}") {{ {it.new} }} else {{ {it.old} }}'
        if not it.old.endswith(";"):
            both = f"({both})"
        files[it.file] = text.replace(it.old, both).encode()
    files["src/lib.rs"] = ALLOW.encode() + files["src/lib.rs"] + SWITCH.encode()


def rename_version(files):
    """Gives the copy another version. Otherwise cargo would take its build for a build of the project itself,
    because both share the folder with the compiled dependencies."""
    for name in ("Cargo.toml", "Cargo.lock"):
        text, count = re.subn(
            r'^(name = "asset-indexer"\nversion = "[^"]+)', r"\1-mutants", files[name].decode(), flags=re.MULTILINE
        )
        if count != 1:
            fail(f"{name} does not name the version of the project")
        files[name] = text.encode()


def write_copy(files):
    """Writes the copy. Unchanged files keep their time, so that cargo does not compile them again."""
    for name, content in files.items():
        path = COPY / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in COPY.rglob("*"):
        if path.is_file() and str(path.relative_to(COPY)) not in files:
            path.unlink()


def build():
    """Compiles the unit tests of the copy, and returns the path of their binary."""
    command = ["cargo", "test", "--lib", "--no-run", "--locked", "--quiet", "--message-format=json-render-diagnostics"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    built = subprocess.run(command, cwd=COPY, env=environment, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        fail("the code with the breaks does not compile")
    messages = (json.loads(line) for line in built.stdout.splitlines() if line.startswith("{"))
    binaries = [message["executable"] for message in messages if message.get("executable")]
    if len(binaries) != 1:
        fail(f"cargo named {len(binaries)} test binaries instead of one")
    return binaries[0]


@functools.cache
def failed_tests(binary, tests, switched_on):
    """Runs the tests whose name contains `tests`, and returns the names of those that fail."""
    environment = {**os.environ, VARIABLE: switched_on}
    try:
        ran = subprocess.run(
            [binary, tests], cwd=COPY, env=environment, timeout=MAX_TEST_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
    except subprocess.TimeoutExpired:
        fail(f"{switched_on or 'no break'}: {tests} still ran after {MAX_TEST_SECONDS} s")
    failed = re.findall(r"^test (\S+)(?: - should panic)? \.\.\. FAILED$", ran.stdout, flags=re.MULTILINE)
    count = re.search(r"^running (\d+) tests?$", ran.stdout, flags=re.MULTILINE)
    if ran.returncode not in (0, TEST_FAILED) or (ran.returncode == TEST_FAILED) != bool(failed) or not count:
        fail(f"{switched_on or 'no break'}: {tests} ended with exit code {ran.returncode}\n{ran.stdout}")
    if count[1] == "0":
        fail(f"no test has the name {tests}")
    return failed


def is_noticed(binary, it):
    """Whether a test notices the break. Prints the answer."""
    started = time.monotonic()
    if failed_tests(binary, it.tests, ""):
        fail(f"{it.tests} fails without any break")
    failed = failed_tests(binary, it.tests, it.name)
    answer = f"noticed by {failed[0]}" if failed else f"NOT NOTICED by {it.tests}"
    print(f"{it.name}: {answer} ({time.monotonic() - started:.1f} s)", flush=True)
    return bool(failed)


def main():
    names = sys.argv[1:]
    if names == ["--list"]:
        print(*(it.name for it in BREAKS), sep="\n")
        return
    started = time.monotonic()
    breaks = selected(names)
    files = read_project()
    insert_breaks(files, breaks)
    rename_version(files)
    write_copy(files)
    binary = build()
    print(f"compiled {len(breaks)} breaks in {time.monotonic() - started:.0f} s", flush=True)
    missed = [it.name for it in breaks if not is_noticed(binary, it)]
    if missed:
        fail(f"no test notices {', '.join(missed)}")
    print(f"the tests notice all {len(breaks)} breaks ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
