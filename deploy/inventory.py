#!/usr/bin/env python3
"""Writes the machine-readable copyright file of Debian and a bill of materials in CycloneDX.

    deploy/inventory.py COPYRIGHT SBOM

Both list the crates of Cargo.lock that are linked into the binary for x86_64 Linux, without build scripts and
dependencies of the tests. If a crate offers several licenses, the copyright file names the license that is used, and
the bill of materials has the SPDX expression of the crate.

cargo-cyclonedx is not used because it puts the path of the build folder into the bill (CycloneDX/cyclonedx-rust-cargo
issue 556). This script needs only cargo and Python.
"""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"

# If a crate offers several licenses, the first of these is used.
PREFERENCE = ["MIT", "Apache-2.0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Zlib", "BSL-1.0", "Unicode-3.0", "0BSD"]

# Words that identify the text of a license.
TEXT_MARKS = {
    "MIT": "Permission is hereby granted, free of charge",
    "ISC": "Permission to use, copy, modify, and",
    "BSD-2-Clause": "Redistribution and use in source and binary forms",
    "BSD-3-Clause": "Neither the name of",
    "Zlib": "The origin of this software must not be misrepresented",
    "BSL-1.0": "Boost Software License",
    "Unicode-3.0": "UNICODE LICENSE V3",
}
# Licenses whose text Debian has in /usr/share/common-licenses.
DEBIAN_TEXTS = {"Apache-2.0"}


def crates():
    """Returns the program, its crates by name and version, and the dependencies of each by package id."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={TARGET}"]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    dependencies, pending = {}, [root]
    while pending:
        crate = pending.pop()
        if crate in dependencies:
            continue
        is_normal = lambda dep: any(kind["kind"] is None for kind in dep["dep_kinds"])
        dependencies[crate] = [dep["pkg"] for dep in nodes[crate]["deps"] if is_normal(dep)]
        pending += dependencies[crate]
    packages = {it["id"]: it for it in found["packages"] if it["id"] in dependencies}
    program = packages.pop(root)
    ordered = sorted(packages.values(), key=lambda it: (it["name"], it["version"]))
    return program, ordered, dependencies


def spdx_expression(package):
    """The license as an SPDX expression. Old crates write a slash instead of OR."""
    license = package["license"] or sys.exit(f"error: {package['name']} has no license; check it or remove it")
    return re.sub(r"\s*/\s*", " OR ", license)


def selected_licenses(text):
    """The licenses of an SPDX expression that are used, in order."""
    words = re.findall(r"[()]|[^\s()]+", text)

    def rank(licenses):
        known = [PREFERENCE.index(it) if it in PREFERENCE else len(PREFERENCE) for it in licenses]
        return (max(known), len(known))

    def parse_term():
        word = words.pop(0)
        if word == "(":
            inner = parse_or()
            words.pop(0)
            return inner
        if words[:1] == ["WITH"]:
            word += f" WITH {words[1]}"
            del words[:2]
        return [word]

    def parse_and():
        found = parse_term()
        while words[:1] == ["AND"]:
            words.pop(0)
            found = found + [it for it in parse_term() if it not in found]
        return found

    def parse_or():
        options = [parse_and()]
        while words[:1] == ["OR"]:
            words.pop(0)
            options.append(parse_and())
        return min(options, key=rank)

    return parse_or()


def license_files(package):
    folder = Path(package["manifest_path"]).parent
    named = re.compile(r"(licen[cs]e|copying|copyright|unlicense)", re.IGNORECASE)
    files = [it for it in sorted(folder.iterdir()) if it.is_file() and named.match(it.name)]
    return [it.read_text(encoding="utf-8", errors="replace") for it in files]


def copyright_holders(package):
    """The copyright holders: from the license files, or else the authors of the manifest."""
    is_claim = re.compile(r"^\W*copyright\s+(\(c\)|©|\d{4}|20).*", re.IGNORECASE)
    lines = [line.strip(" *#/-") for text in license_files(package) for line in text.splitlines()]
    # Skip the placeholder line in the appendix of the Apache license.
    claims = [line for line in lines if is_claim.match(line) and not re.search(r"[\[{<]yyyy|\[year", line)]
    authors = package["authors"] or [f"the authors of {package['name']}"]
    return list(dict.fromkeys(claims)) or authors


def license_text(license, packages):
    """The text of a license without copyright lines: the shortest text of all crates with this license."""
    texts = [text for it in packages if license in selected_licenses(spdx_expression(it)) for text in license_files(it)]
    is_other = lambda text: license == "BSD-2-Clause" and TEXT_MARKS["BSD-3-Clause"] in text
    fitting = [text for text in texts if TEXT_MARKS[license] in text and not is_other(text)]
    if not fitting:
        sys.exit(f"error: no crate contains the text of {license}; check TEXT_MARKS in deploy/inventory.py")
    is_name = re.compile(r"\W*(copyright\s+(\(c\)|©|\d)|all rights)", re.IGNORECASE)
    lines = [line.rstrip() for line in min(fitting, key=len).splitlines()]
    text = "\n".join(line for line in lines if not is_name.match(line))
    return re.sub(r"\n{3,}", "\n\n", text).strip().splitlines()


def field_lines(lines):
    """Formats lines as the continuation of a field."""
    return "\n".join(f" {line}" if line.strip() else " ." for line in lines)


def copyright_file(program, packages):
    parts = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {program['name']}\n"
        "Comment: The binary contains the program and the crates below. The list comes from Cargo.lock."
    ]
    used = []
    for package in [program, *packages]:
        licenses = selected_licenses(spdx_expression(package))
        used += licenses
        is_program = package is program
        files = "*" if is_program else f"crates/{package['name']}-{package['version']}/*"
        part = f"Files: {files}\nCopyright:\n{field_lines(copyright_holders(package))}\nLicense: {' and '.join(licenses)}"
        comment = [] if licenses == [spdx_expression(package)] else [f"Offered as {spdx_expression(package)}."]
        notice = Path(package["manifest_path"]).parent / "NOTICE"
        if not is_program and notice.is_file():
            comment += ["Its notice:", *notice.read_text(encoding="utf-8").strip().splitlines()]
        if comment:
            part += f"\nComment:\n{field_lines(comment)}"
        parts.append(part)
    for license in sorted(set(used)):
        if license in DEBIAN_TEXTS:
            lines = [f"On Debian systems, the text is in /usr/share/common-licenses/{license}."]
        elif license in TEXT_MARKS:
            lines = license_text(license, [program, *packages])
        else:
            sys.exit(f"error: deploy/inventory.py does not know the license {license}; add it to TEXT_MARKS")
        parts.append(f"License: {license}\n{field_lines(lines)}")
    return "\n\n".join(parts) + "\n"


def checksums():
    """The SHA-256 of each crate in the registry, by name and version."""
    entry = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"')
    return {(name, version): sum for name, version, sum in entry.findall((ROOT / "Cargo.lock").read_text())}


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(package, kind, sums):
    it = {
        "type": kind,
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
        "licenses": [{"expression": spdx_expression(package)}],
    }
    if sum := sums.get((package["name"], package["version"])):
        it["hashes"] = [{"alg": "SHA-256", "content": sum}]
    return it


def bill_of_materials(program, packages, dependencies):
    sums = checksums()
    by_id = {it["id"]: it for it in [program, *packages]}
    depends_on = lambda it: sorted({reference(by_id[id]) for id in dependencies[it["id"]]})
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(program, "application", {})},
        "components": [component(it, "library", sums) for it in packages],
        "dependencies": [{"ref": reference(it), "dependsOn": depends_on(it)} for it in by_id.values()],
    }
    # Derive the serial number from the content, so that the same crates give the same file.
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{identity}", **bill}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: deploy/inventory.py COPYRIGHT SBOM")
    copyright_path, sbom_path = map(Path, sys.argv[1:])
    program, packages, dependencies = crates()
    copyright_path.write_text(copyright_file(program, packages), encoding="utf-8")
    sbom_path.write_text(json.dumps(bill_of_materials(program, packages, dependencies), indent=1) + "\n", encoding="utf-8")


main()
