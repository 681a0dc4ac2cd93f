#!/usr/bin/env bash
# Holds the golden policies and set-up forms (tests/golden/setup, which the tests compare with what is
# printed) to the languages that they are in. What this machine cannot do is skipped with a line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh
# A folder in which Terraform finds the provider "aws" without asking a registry: the one that is named, or
# one of those where machines have it.
plugins=
for folder in "${ASSET_INDEXER_TEST_TERRAFORM_PLUGINS:-}" ~/.terraform.d/plugins ~/.local/share/terraform/plugins \
    /usr/local/share/terraform/plugins /usr/share/terraform/plugins /opt/*; do
    if [ -d "$folder/registry.terraform.io/hashicorp/aws" ]; then
        plugins=$folder
        break
    fi
done

# SC2016: what is printed in single quotes is meant as it stands.
shellcheck --shell=sh --exclude=SC2016 tests/golden/setup/*/*.sh

"$tools/bin/cfn-lint" --non-zero-exit-code informational -- tests/golden/setup/*/*.yaml

"$tools/bin/python" -W ignore - tests/golden/setup/*/policy.json <<'PYTHON'
import sys

import parliament

for path in sys.argv[1:]:
    with open(path) as file:
        findings = parliament.analyze_policy_string(file.read()).findings
    for finding in findings:
        print(f"{path}: {finding}", file=sys.stderr)
    if findings:
        sys.exit(1)
PYTHON

if ! command -v terraform >/dev/null; then
    echo 'skipped: terraform is not there, so the Terraform form is compared with its golden files only'
    exit
fi
# The machine's own settings may name places that are not there.
export TF_CLI_CONFIG_FILE=/dev/null
terraform fmt -check -diff tests/golden/setup
if [ -z "$plugins" ]; then
    echo 'skipped: no folder has the provider "aws", so the Terraform form is held to its syntax only'
    exit
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cp tests/golden/setup/one/s3.tf "$work/main.tf"
terraform -chdir="$work" init -backend=false -plugin-dir="$plugins" >/dev/null
for form in tests/golden/setup/*/*.tf; do
    cp "$form" "$work/main.tf"
    terraform -chdir="$work" validate -no-color
done
