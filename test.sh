#!/bin/sh
# Every test, on the real Postgres and the real Chromium: installs what is missing, then runs them.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'TEXT'
Usage: ./test.sh [--slow | --asterisk] [argument ...]

Runs the tests (cargo nextest where it is installed, else cargo test), the examples in the
documentation, and the type check of web/.

  --slow      run the slow tests too (marked #[ignore = "slow"]), in release profile; one of them puts
              schemathesis of PyPI into the target folder, for which python3 needs venv
  --asterisk  run the tests at a real Asterisk 22 instead (marked #[ignore = "asterisk"]): fetches it from
              Debian sid into target/asterisk, and runs it from there by chroot, on the loopback only.
              Needs root, and Debian or what descends from it; nothing of it is installed.
  --help      show this text
  argument    passed on to the test runner, for instance a part of a test's name

The tests need initdb (any PostgreSQL from 15 on), chromium, curl, node with npm and a C compiler. What is missing is
installed by apt, as root or by sudo without a password; else you are told what to install.
The tests start their own throwaway servers; TEST_DATABASE_URL, a superuser's URL, makes them
use a running Postgres instead.

Examples:
  ./test.sh                     everything quick
  ./test.sh --slow              everything that needs no Asterisk
  ./test.sh --asterisk          what needs one
  ./test.sh journal             the tests with "journal" in their name
TEXT
}

say() { printf '%s\n' "$*" >&2; }

found() { command -v "$1" >/dev/null 2>&1; }

has_postgres() {
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return
    done
    found initdb
}

has_chromium() {
    found chromium || found chromium-browser || found google-chrome || found google-chrome-stable
}

install_missing() {
    if [ "$(id -u)" = 0 ]; then
        as_root=env
    elif found sudo && sudo -n true 2>/dev/null; then
        as_root="sudo -n env"
    else
        as_root=
    fi
    if [ -z "$as_root" ] || ! found apt-get; then
        say "Missing: $*. On Debian: sudo apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    say "Installing: $*"
    case " $* " in *" postgresql "*) keep_postgres_down ;; esac
    $as_root apt-get update -q
    $as_root DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
        apt-get install -y -q --no-install-recommends "$@"
}

# Debian's package would make a database of its own and start it; nobody here needs one.
keep_postgres_down() {
    # shellcheck disable=SC2016 # the inner shell expands
    $as_root sh -c 'file=/etc/postgresql-common/createcluster.conf
        [ -e "$file" ] || { mkdir -p "${file%/*}" && echo "create_main_cluster = false" >"$file"; }'
}

# The tests that need a real Asterisk, by the start of their names.
at_asterisk=asterisk::real::

slow=
asterisk=
case "${1:-}" in
    --help | -h) usage; exit ;;
    --slow) slow=1; shift ;;
    --asterisk) asterisk=1; shift ;;
esac

if ! found cargo; then
    say "Missing: cargo. Install Rust from https://rustup.rs"
    exit 1
fi
missing=
has_postgres || missing="$missing postgresql"
has_chromium || missing="$missing chromium"
found cc || missing="$missing gcc libc6-dev"
found curl || missing="$missing curl"
found node || missing="$missing nodejs"
found npm || missing="$missing npm"
# shellcheck disable=SC2086 # a list of words
[ -z "$missing" ] || install_missing $missing

# what tests look at pages with, what checks the types of their scripts, and by what pages become telephones
npm --prefix web ci --no-audit --no-fund
npm --prefix web run vendor

if [ -n "$asterisk" ]; then
    found ss || install_missing iproute2
    tests/asterisk/fetch.sh "${CARGO_TARGET_DIR:-target}/asterisk"
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --test it --run-ignored only -E "test(/^$at_asterisk/)" "$@"
    else
        cargo test --test it -- --ignored "$at_asterisk" "$@"
    fi
    exit
fi

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run ${slow:+--release --run-ignored all -E "not test(/^$at_asterisk/)"} "$@"
elif [ -z "$slow" ]; then
    cargo test --tests "$@"
else
    # What follows the first "--" is for the test programs themselves.
    case " $* " in
        *" -- "*) cargo test --release --tests "$@" --include-ignored --skip "$at_asterisk" ;;
        *) cargo test --release --tests "$@" -- --include-ignored --skip "$at_asterisk" ;;
    esac
fi
cargo test --doc ${slow:+--release}

npm --prefix web run check
