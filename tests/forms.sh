#!/usr/bin/env bash
# Checks the golden policies and setup scripts (tests/golden/setup) with the linters of their languages. The
# integration tests compare the same files with the program's output. If this machine lacks a linter, the
# check is skipped and a line says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/setup.sh
source tests/setup.sh
# The first folder in which Terraform finds the provider "aws" without a registry. It can be set with
# ASSET_INDEXER_TEST_TERRAFORM_PLUGINS; the others are usual places.
plugins=
for folder in "${ASSET_INDEXER_TEST_TERRAFORM_PLUGINS:-}" ~/.terraform.d/plugins ~/.local/share/terraform/plugins \
    /usr/local/share/terraform/plugins /usr/share/terraform/plugins /opt/*; do
    if [ -d "$folder/registry.terraform.io/hashicorp/aws" ]; then
        plugins=$folder
        break
    fi
done

# The golden scripts do not contain the head, which all scripts share.
# SC2016: single quotes are printed on purpose, so that the shell expands nothing.
for script in tests/golden/setup/*/*.sh; do
    cat src/aws/setup/script/head.sh "$script" | shellcheck --shell=sh --exclude=SC2016 - ||
        die "shellcheck rejects $script"
done

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
    echo 'skipped: terraform is not installed, so nothing checks the syntax of the golden Terraform files'
    exit
fi
# The user's Terraform settings could name folders and registries that do not exist here.
export TF_CLI_CONFIG_FILE=/dev/null
terraform fmt -check -diff tests/golden/setup
if [ -z "$plugins" ]; then
    echo 'skipped: no folder has the provider "aws", so only the syntax of the golden Terraform files is checked'
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
