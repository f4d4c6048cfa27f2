#!/bin/bash
# One archive for a site without internet: build/aipull-bundle-VERSION-debRELEASE.tar, for this release of Debian.
#
# In it: the pipeline's package and every Debian package that it needs (with RabbitMQ, logrotate and dcmtk), as a folder that apt can
# install from; the wheels of the lock file; the source; the images, where Docker runs; SHA256SUMS; install.sh.
# Needs root for nothing; apt's package lists must be there (apt-get update).
set -euo pipefail
cd "$(dirname "$0")/.."

release=$(. /etc/os-release && echo "$VERSION_ID")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
. docker/debian.sh
name=aipull-bundle-$version-deb$release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name
say() { printf 'bundle: %s\n' "$*"; }

mkdir -p "$top/debian/partial" "$top/wheels" "$top/images"
scripts/deb.sh >/dev/null
cp "build/ai-pull-pipeline_${version}+deb${release}_"*.deb "$top/debian/"

# As if nothing were installed here: what the site's machine lacks is not known, and apt takes from the folder only what is missing there.
# Essential packages stay out: every Debian has them.
say "Debian packages"
: >"$work/status"
apt-get -qq -y -o Dir::State::status="$work/status" -o Dir::Cache::archives="$top/debian" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User=root --no-install-recommends --download-only \
    install "orthanc=$ORTHANC" "orthanc-python=$ORTHANC_PYTHON" "$PYTHON" "$PYTHON-venv" rabbitmq-server logrotate dcmtk tzdata passwd >/dev/null
rm -rf "$top/debian/partial" "$top/debian/lock"
for package in "$top"/debian/*.deb; do
    if [ "$(dpkg-deb -f "$package" Essential)" = yes ]; then rm "$package"; fi
done
(
    cd "$top/debian"
    for package in *.deb; do
        dpkg-deb -f "$package"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d' ' -f1)"
    done >Packages
)

say "wheels"
"/usr/bin/$PYTHON" -m venv "$work/venv"
"$work/venv/bin/pip" download -qq --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -d "$top/wheels" -r requirements.lock

say "source"
tar -czf "$top/source.tar.gz" --exclude=./.venv --exclude=./build --exclude=./.git --exclude=./run --exclude=__pycache__ --exclude=./.env --transform "s#^\.#ai-pull-pipeline-$version#" .

if docker info >/dev/null 2>&1; then
    say "images"
    docker-compose --env-file .env.example build >/dev/null
    docker-compose --env-file .env.example pull --quiet mongo rabbitmq
    images=$(docker-compose --env-file .env.example config | sed -n 's/^ *image: //p' | grep -E '^(aipull/(orthanc|pacs)|.*(mongo|rabbitmq))' | sort -u)
    # shellcheck disable=SC2086
    docker save $images | gzip -1 >"$top/images/images.tar.gz"
else
    say "no Docker daemon here: the bundle has no images"
    rmdir "$top/images"
fi

install -m 0755 packaging/bundle/install.sh "$top/install.sh"
cp docs/deployment.md "$top/"
(cd "$top" && find . -type f -not -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
mkdir -p build
tar -C "$work" --owner=0 --group=0 --sort=name -cf "build/$name.tar" "$name"
say "build/$name.tar: $(($(stat -c %s "build/$name.tar") / 1048576)) MiB, $(ls "$top/debian" | grep -c '\.deb$') Debian packages, $(ls "$top/wheels" | wc -l) wheels"
