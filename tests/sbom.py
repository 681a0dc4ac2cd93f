"""Checks that a bill of materials is valid CycloneDX, and that each crate has a registry address and a license.

    tests/sbom.py FILE
"""

import json
import sys
from pathlib import Path

from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
from license_expression import get_spdx_licensing


def problems_of(component, licensing):
    name = f"{component['name']} {component['version']}"
    if not component.get("purl", "").startswith("pkg:cargo/"):
        yield f"{name} has no address in the registry"
    licenses = component.get("licenses", [])
    if not licenses:
        yield f"{name} has no license"
    for license in licenses:
        errors = licensing.validate(license.get("expression", "")).errors
        yield from (f"{name}: {error}" for error in errors)


def main():
    (path,) = sys.argv[1:]
    text = Path(path).read_text()
    bill = json.loads(text)
    version = SchemaVersion["V" + bill["specVersion"].replace(".", "_")]
    validator = make_schemabased_validator(OutputFormat.JSON, version)
    if error := validator.validate_str(text):
        sys.exit(f"error: {path} is not valid CycloneDX {bill['specVersion']}: {error}")
    licensing = get_spdx_licensing()
    problems = [it for component in bill["components"] for it in problems_of(component, licensing)]
    if not bill["components"]:
        problems.append("the list of components is empty")
    if problems:
        sys.exit("\n".join(f"error: {path}: {problem}" for problem in problems))
    print(f"{path}: {len(bill['components'])} crates")


main()
