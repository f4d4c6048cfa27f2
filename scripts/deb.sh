#!/bin/bash
# Builds the Debian package of this release of Debian: build/ai-pull-pipeline_VERSION+deb12_amd64.deb (+deb13 on Debian 13).
# Needs dpkg-deb, Debian's Python with venv, and an index or WHEELS=folder for the locked packages.
set -euo pipefail
cd "$(dirname "$0")/.."

release=$(. /etc/os-release && echo "$VERSION_ID")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)+deb$release
architecture=$(dpkg --print-architecture)
case "$release" in 12) python=python3.11 ;; 13) python=python3.13 ;; *) echo "deb: Debian 12 or 13 only" >&2; exit 1 ;; esac
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"

DESTDIR=$root PREFIX=/opt/aipull scripts/install.sh install
install -d "$root/DEBIAN"
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@PYTHON@/$python/; s/@SIZE@/$size/" packaging/debian/control.in \
    >"$root/DEBIAN/control"
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "packaging/debian/$script" "$root/DEBIAN/$script"; done
install -D -m 0644 LICENSE "$root/usr/share/doc/ai-pull-pipeline/copyright"
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

mkdir -p build
package="build/ai-pull-pipeline_${version}_$architecture.deb"
# The same source gives the same package: times are those of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
dpkg-deb --build --root-owner-group -Zzstd -z9 "$root" "$package" >/dev/null
echo "$package"
