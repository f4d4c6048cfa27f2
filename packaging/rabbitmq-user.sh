#!/bin/sh
# Makes the user aipull in this machine's RabbitMQ, with the password of /etc/aipull/secrets.env, or gives it that password.
set -eu
[ "$(id -u)" = 0 ] || { echo "aipull-rabbitmq-user: root only" >&2; exit 1; }
password=$(sed -n 's/^RABBITMQ_PASSWORD=//p' /etc/aipull/secrets.env)
[ -n "$password" ] || { echo "aipull-rabbitmq-user: no RABBITMQ_PASSWORD in /etc/aipull/secrets.env" >&2; exit 1; }
case "$password" in *[!A-Za-z0-9]*) echo "aipull-rabbitmq-user: letters and digits only in RABBITMQ_PASSWORD" >&2; exit 1 ;; esac

# By a file: arguments are seen by every user of the machine, and rabbitmqctl of Debian 13 waits for ever for a password that is piped to it.
definitions=$(mktemp)
trap 'rm -f "$definitions"' EXIT
cat >"$definitions" <<END
{"users": [{"name": "aipull", "password": "$password", "tags": ""}], "vhosts": [{"name": "/"}],
 "permissions": [{"user": "aipull", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]}
END
chown rabbitmq "$definitions"
rabbitmqctl --quiet import_definitions "$definitions" </dev/null
echo "aipull-rabbitmq-user: the user aipull may use the virtual host /"
