#!/bin/sh
# Prints the path of a Python of the version asked for, e.g. `scripts/find_python.sh 3.10`: one
# that is installed, else one that uv can fetch. Each candidate is started, since a shim on the
# PATH may stand for a version that is not active.
set -u
version=$1
variable=PYTHON$(echo "$version" | tr -d .)
eval "given=\${$variable:-}"

works() {
    [ -n "$1" ] && "$1" -c "import sys, venv, ensurepip
sys.exit('%d.%d' % sys.version_info[:2] != '$version')" >/dev/null 2>&1
}

if [ -n "$given" ]; then
    works "$given" && echo "$given" && exit 0
    echo "$variable=$given is no working Python $version with venv." >&2
    exit 1
fi

for candidate in \
    "$(command -v "python$version")" \
    "$(command -v python3)" \
    "/usr/bin/python$version" \
    "/usr/local/bin/python$version" \
    "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
    "$HOME/.local/share/uv/python/cpython-$version".*/bin/python \
    "$HOME"/*conda*/envs/*/bin/python; do
    works "$candidate" && echo "$candidate" && exit 0
done

echo "No Python $version found; trying to fetch one with uv." >&2
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
if python3 -m venv "$tools" >&2 && "$tools/bin/pip" install --quiet uv >&2 &&
    "$tools/bin/uv" python install "$version" >&2; then
    candidate=$("$tools/bin/uv" python find --managed-python "$version")
    works "$candidate" && echo "$candidate" && exit 0
fi

cat >&2 <<MESSAGE

Python $version is needed, is not installed, and could not be fetched.
Install it in one of these ways, then run the same command again:
    pyenv install $version          uv python install $version          apt install python$version-venv
or say where it is:
    make ... $variable=/path/to/python$version
MESSAGE
exit 1
