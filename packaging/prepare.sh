#!/bin/sh
# After the files are in place: users, folders and secrets. Safe to run again; what is there is left alone.
set -eu

user() {
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$2" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --comment "AI pull pipeline" "$1"
}
getent group aipull >/dev/null || groupadd --system aipull
getent group aipull-pacs >/dev/null || groupadd --system aipull-pacs
user aipull aipull
user aipull-pacs aipull-pacs
# The service itself runs with group aipull; a command of root's gets both groups from here.
usermod --append --groups aipull aipull-pacs

install -d -o root -g aipull -m 0755 /var/lib/aipull
install -d -o aipull -g aipull -m 0750 /var/lib/aipull/orthanc
install -d -o aipull-pacs -g aipull -m 0750 /var/lib/aipull/pacs
[ -d /var/lib/aipull/ram ] || install -d -o aipull -g aipull -m 0750 /var/lib/aipull/ram
[ -d /var/lib/aipull/copies ] || install -d -o aipull-pacs -g aipull -m 0750 /var/lib/aipull/copies
install -d -o aipull -g aipull -m 2770 /var/log/aipull
install -d -o root -g root -m 0700 /var/backups/aipull

chmod 0755 /etc/aipull
install -d -o aipull-pacs -g aipull -m 2750 /etc/aipull/site
chown aipull-pacs:aipull /etc/aipull/site/site_config.py
chmod 0640 /etc/aipull/site/site_config.py
install -d -o root -g aipull-pacs -m 0750 /etc/aipull/profiles
# Passwords may stand in it: of a RIS, of a mail server.
chown root:aipull-pacs /etc/aipull/pacs_module.toml
chmod 0640 /etc/aipull/pacs_module.toml

secrets=/etc/aipull/secrets.env
if ! [ -e "$secrets" ]; then
    umask 077
    {
        echo "# Made at installation, for root and systemd alone. Letters and digits only: they become part of URLs."
        echo "# RABBITMQ_PASSWORD counts once @PREFIX@/bin/aipull-rabbitmq-user was run again; BACKEND_KEY is what the backend must know."
        for name in ORTHANC_PASSWORD AIPULL_API_KEY BACKEND_KEY RABBITMQ_PASSWORD; do
            echo "$name=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
        done
    } >"$secrets.new"
    mv "$secrets.new" "$secrets"
fi
chown root:root "$secrets"
chmod 0600 "$secrets"
