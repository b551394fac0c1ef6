#!/bin/sh
# Runs schemathesis of PyPI with the arguments given, from a folder of its own: it is installed there when it is not.
#
# Usage: schemathesis.sh FOLDER ARGUMENT ...
set -eu

folder=$1
shift
version=4.32.5

install() {
    # another may have waited for the same
    [ ! -x "$folder/bin/st" ] || return 0
    if ! python3 -m venv "$folder" >&2; then
        echo "Missing: python3 with venv. On Debian: apt-get install -y python3-venv" >&2
        exit 1
    fi
    "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" >&2
}

mkdir -p "${folder%/*}"
exec 9>"$folder.lock"
flock 9
install
exec 9>&-
exec "$folder/bin/st" "$@"
