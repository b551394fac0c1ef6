#!/bin/sh
# Fetches a real Asterisk 22 from Debian sid into a folder, with all that it depends on, without touching this machine's own packages.
#
# Usage: fetch.sh FOLDER
#
# FOLDER/root becomes what chroot needs to run it. Debian's own configuration of it is never unpacked: it listens on every interface.
set -eu

folder=$1
release=22

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail "The Asterisk suite needs root: it unpacks packages and runs what is in them by chroot."
for program in apt-get dpkg-deb chroot mknod ss; do
    command -v "$program" >/dev/null 2>&1 || fail "Missing: $program. The Asterisk suite runs on Debian and what descends from it (ss is in iproute2)."
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || fail "Missing: $keyring. Install it: apt-get install -y debian-archive-keyring"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
apt=$folder/apt

# What tests left that were killed.
find "$folder/root/instances" -mindepth 1 -maxdepth 1 -mmin +60 -exec rm -rf {} + 2>/dev/null || true

# The mirror that this machine uses for Debian; sid is not among its sources, and does not get there.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -v security | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian/}

mkdir -p "$apt/etc/apt.conf.d" "$apt/etc/preferences.d" "$apt/etc/trusted.gpg.d" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb [signed-by=$keyring] $mirror sid main" >"$apt/etc/sources.list"
# A mirror that has stood still for a while is good enough here: what it delivers is signed all the same.
cat >"$apt/apt.conf" <<TEXT
Dir "$apt";
Dir::Etc "etc";
Dir::State "state";
Dir::State::status "$apt/status";
Dir::Cache "cache";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
TEXT
export APT_CONFIG="$apt/apt.conf"

if ! apt-get update -q >"$folder/fetch.log" 2>&1 || grep -q '^[EW]:' "$folder/fetch.log"; then
    if [ -x "$folder/root/usr/sbin/asterisk" ]; then
        say "Debian's mirror $mirror cannot be reached; what was fetched before is used."
        exit 0
    fi
    cat "$folder/fetch.log" >&2
    fail "Debian's mirror $mirror cannot be reached, and there is no Asterisk yet."
fi

version=$(apt-cache policy asterisk | sed -n 's/^ *Candidate: //p')
case $version in
    *:$release.* | $release.*) say "Asterisk $version, from $mirror" ;;
    *) fail "Debian sid has Asterisk ${version:-(none)}; this suite is written for $release." ;;
esac
if [ "$(cat "$folder/root/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

rm -f "$apt"/cache/archives/*.deb
apt-get install -y -q --download-only --no-install-recommends asterisk >"$folder/fetch.log" 2>&1 || {
    cat "$folder/fetch.log" >&2
    fail "The packages could not be fetched."
}

rm -rf "$folder/new"
mkdir -p "$folder/new/dev" "$folder/new/tmp"
for package in "$apt"/cache/archives/*.deb; do
    case ${package##*/} in asterisk-config_*) continue ;; esac
    dpkg-deb -x "$package" "$folder/new"
done
rm -rf "$folder/new/etc/asterisk"
cd "$folder/new"
for name in lib lib64 bin sbin; do
    [ -e "$name" ] || ln -s "usr/$name" "$name"
done
mknod -m 666 dev/null c 1 3
mknod -m 444 dev/random c 1 8
mknod -m 444 dev/urandom c 1 9
sounds=usr/share/asterisk/sounds
[ -e "$sounds/en" ] || ln -s en_US_f_Allison "$sounds/en"
echo "$version" >version
cd "$folder"
rm -rf root
mv new root
rm -f "$apt"/cache/archives/*.deb
