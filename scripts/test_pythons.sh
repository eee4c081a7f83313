#!/bin/sh
# Tests the runtime, installed as a user would install it, under each Python version named.
set -eu
for version in "$@"; do
    python=$(scripts/find_python.sh "$version")
    environment=$(mktemp -d)
    trap 'rm -rf "$environment"' EXIT
    echo "Testing the runtime on Python $version"
    "$python" -m venv "$environment"
    "$environment/bin/pip" install --quiet . pytest
    "$environment/bin/python" -m pytest -q tests/emotion_component
    rm -rf "$environment"
done
