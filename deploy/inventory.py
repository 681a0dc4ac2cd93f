#!/usr/bin/env python3
"""Writes what the program is made of: Debian's machine-readable copyright, and a bill of materials in CycloneDX.

    deploy/inventory.py COPYRIGHT SBOM

The crates are those that go into the binary for x86_64 Linux, as Cargo.lock has them: no tools of the tests, no
build scripts. Of alternative licences the copyright file names the one that is made use of, the bill of
materials the expression as the crate has it.
"""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"

# Which of several licences is made use of: the first of these.
PREFERENCE = ["MIT", "Apache-2.0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Zlib", "BSL-1.0", "Unicode-3.0", "0BSD"]

# Words by which the text of a licence is known; that of the others has Debian in /usr/share/common-licenses.
MARKS = {
    "MIT": "Permission is hereby granted, free of charge",
    "ISC": "Permission to use, copy, modify, and",
    "BSD-2-Clause": "Redistribution and use in source and binary forms",
    "BSD-3-Clause": "Neither the name of",
    "Zlib": "The origin of this software must not be misrepresented",
    "BSL-1.0": "Boost Software License",
    "Unicode-3.0": "UNICODE LICENSE V3",
}
COMMON = {"Apache-2.0"}


def crates():
    """The program itself, its crates by name and version, and what each of them needs."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={TARGET}"]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    needs, left = {}, [root]
    while left:
        crate = left.pop()
        if crate in needs:
            continue
        is_normal = lambda dep: any(kind["kind"] is None for kind in dep["dep_kinds"])
        needs[crate] = [dep["pkg"] for dep in nodes[crate]["deps"] if is_normal(dep)]
        left += needs[crate]
    packages = {it["id"]: it for it in found["packages"] if it["id"] in needs}
    program = packages.pop(root)
    ordered = sorted(packages.values(), key=lambda it: (it["name"], it["version"]))
    return program, ordered, needs


def expression(package):
    """The licence as an SPDX expression; older crates write a slash for OR."""
    licence = package["license"] or sys.exit(f"error: {package['name']} names no licence: look at it, or do without it")
    return re.sub(r"\s*/\s*", " OR ", licence)


def chosen(text):
    """The licences of an SPDX expression that are made use of, in order."""
    words = re.findall(r"[()]|[^\s()]+", text)

    def weight(licences):
        known = [PREFERENCE.index(it) if it in PREFERENCE else len(PREFERENCE) for it in licences]
        return (max(known), len(known))

    def one():
        word = words.pop(0)
        if word == "(":
            inner = either()
            words.pop(0)
            return inner
        if words[:1] == ["WITH"]:
            word += f" WITH {words[1]}"
            del words[:2]
        return [word]

    def both():
        found = one()
        while words[:1] == ["AND"]:
            words.pop(0)
            found = found + [it for it in one() if it not in found]
        return found

    def either():
        options = [both()]
        while words[:1] == ["OR"]:
            words.pop(0)
            options.append(both())
        return min(options, key=weight)

    return either()


def licence_files(package):
    folder = Path(package["manifest_path"]).parent
    named = re.compile(r"(licen[cs]e|copying|copyright|unlicense)", re.IGNORECASE)
    files = [it for it in sorted(folder.iterdir()) if it.is_file() and named.match(it.name)]
    return [it.read_text(encoding="utf-8", errors="replace") for it in files]


def holders(package):
    """Who holds the copyright: as the licence files say, else the authors of the manifest."""
    is_claim = re.compile(r"^\W*copyright\s+(\(c\)|©|\d{4}|20).*", re.IGNORECASE)
    lines = [line.strip(" *#/-") for text in licence_files(package) for line in text.splitlines()]
    # The appendix of the Apache licence has a line to be filled in.
    claims = [line for line in lines if is_claim.match(line) and not re.search(r"[\[{<]yyyy|\[year", line)]
    authors = package["authors"] or [f"the authors of {package['name']}"]
    return list(dict.fromkeys(claims)) or authors


def text_of(licence, packages):
    """The text of a licence without anybody's name: the plainest that a crate under it has."""
    texts = [text for it in packages if licence in chosen(expression(it)) for text in licence_files(it)]
    is_other = lambda text: licence == "BSD-2-Clause" and MARKS["BSD-3-Clause"] in text
    fitting = [text for text in texts if MARKS[licence] in text and not is_other(text)]
    if not fitting:
        sys.exit(f"error: no crate has the text of {licence}; give deploy/inventory.py its words")
    is_name = re.compile(r"\W*(copyright\s+(\(c\)|©|\d)|all rights)", re.IGNORECASE)
    lines = [line.rstrip() for line in min(fitting, key=len).splitlines()]
    text = "\n".join(line for line in lines if not is_name.match(line))
    return re.sub(r"\n{3,}", "\n\n", text).strip().splitlines()


def paragraph(lines):
    """Lines as the continuation of a field."""
    return "\n".join(f" {line}" if line.strip() else " ." for line in lines)


def copyright_file(program, packages):
    parts = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {program['name']}\n"
        "Comment: The binary contains the program and the crates that follow. The list is made from Cargo.lock."
    ]
    used = []
    for package in [program, *packages]:
        licences = chosen(expression(package))
        used += licences
        is_program = package is program
        files = "*" if is_program else f"crates/{package['name']}-{package['version']}/*"
        part = f"Files: {files}\nCopyright:\n{paragraph(holders(package))}\nLicense: {' and '.join(licences)}"
        comment = [] if licences == [expression(package)] else [f"Offered as {expression(package)}."]
        notice = Path(package["manifest_path"]).parent / "NOTICE"
        if not is_program and notice.is_file():
            comment += ["Its notice:", *notice.read_text(encoding="utf-8").strip().splitlines()]
        if comment:
            part += f"\nComment:\n{paragraph(comment)}"
        parts.append(part)
    for licence in sorted(set(used)):
        if licence in COMMON:
            lines = [f"On Debian systems the text is in /usr/share/common-licenses/{licence}."]
        elif licence in MARKS:
            lines = text_of(licence, [program, *packages])
        else:
            sys.exit(f"error: deploy/inventory.py does not know the licence {licence}")
        parts.append(f"License: {licence}\n{paragraph(lines)}")
    return "\n\n".join(parts) + "\n"


def checksums():
    """SHA-256 of each crate as the registry has it."""
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
        "licenses": [{"expression": expression(package)}],
    }
    if sum := sums.get((package["name"], package["version"])):
        it["hashes"] = [{"alg": "SHA-256", "content": sum}]
    return it


def bill_of_materials(program, packages, needs):
    sums = checksums()
    by_id = {it["id"]: it for it in [program, *packages]}
    depends = lambda it: sorted({reference(by_id[need]) for need in needs[it["id"]]})
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(program, "application", {})},
        "components": [component(it, "library", sums) for it in packages],
        "dependencies": [{"ref": reference(it), "dependsOn": depends(it)} for it in by_id.values()],
    }
    # The same crates give the same file.
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    return {"serialNumber": f"urn:uuid:{identity}", **bill}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: deploy/inventory.py COPYRIGHT SBOM")
    copyright_path, sbom_path = map(Path, sys.argv[1:])
    program, packages, needs = crates()
    copyright_path.write_text(copyright_file(program, packages), encoding="utf-8")
    sbom_path.write_text(json.dumps(bill_of_materials(program, packages, needs), indent=1) + "\n", encoding="utf-8")


main()
