#!/bin/bash
# Images under the names of docker-compose.yml where no registry is in reach, for `make compose-test` and for nothing else:
#
#   tests/containers/stand_ins/images.sh
#
# debian:12        made by mmdebstrap from Debian's packages (root)
# rabbitmq:4.0.9   Debian 12's RabbitMQ 3.10 with the variables of the official image that docker-compose.yml sets
# mongo:7.0.28     SecantusDB, a MongoDB-compatible server, with user and password
#
# An image that is there is left alone. The networks of builds are this machine's (--network host).
set -euo pipefail
cd "$(dirname "$0")"

readonly MIRROR=${AIPULL_MIRROR:-http://deb.debian.org/debian}
there() { docker image inspect "$1" >/dev/null 2>&1; }

if ! there debian:12; then
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root"' EXIT
    mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$root/root" "$MIRROR"
    # A machine behind a proxy that has a certificate of its own trusts it inside as well.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/root/etc/ssl/certs/ca-certificates.crt"
    # A venv's pip brings authorities of its own and is told to take these.
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/root/etc/pip.conf"
    tar -C "$root/root" -cf - . | docker import - debian:12 >/dev/null
fi
there rabbitmq:4.0.9 || docker build --quiet --network host --tag rabbitmq:4.0.9 --file rabbitmq.Dockerfile .
there mongo:7.0.28 || docker build --quiet --network host --tag mongo:7.0.28 --file mongo.Dockerfile .
