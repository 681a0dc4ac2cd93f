"""Says whether a bill of materials is CycloneDX as it claims, and tells of each crate where it is from and
under which licence.

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
    licences = component.get("licenses", [])
    if not licences:
        yield f"{name} has no licence"
    for licence in licences:
        errors = licensing.validate(licence.get("expression", "")).errors
        yield from (f"{name}: {error}" for error in errors)


def main():
    (path,) = sys.argv[1:]
    text = Path(path).read_text()
    bill = json.loads(text)
    version = SchemaVersion["V" + bill["specVersion"].replace(".", "_")]
    validator = make_schemabased_validator(OutputFormat.JSON, version)
    if error := validator.validate_str(text):
        sys.exit(f"error: {path} is no CycloneDX {bill['specVersion']}: {error}")
    licensing = get_spdx_licensing()
    problems = [it for component in bill["components"] for it in problems_of(component, licensing)]
    if not bill["components"]:
        problems.append("it has no components")
    if problems:
        sys.exit("\n".join(f"error: {path}: {problem}" for problem in problems))
    print(f"{path}: {len(bill['components'])} crates")


main()
