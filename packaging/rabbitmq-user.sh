#!/bin/sh
# Makes the user aipull in this machine's RabbitMQ, with the password of /etc/aipull/secrets.env, or gives it that password.
set -eu
[ "$(id -u)" = 0 ] || { echo "aipull-rabbitmq-user: root only" >&2; exit 1; }
password=$(sed -n 's/^RABBITMQ_PASSWORD=//p' /etc/aipull/secrets.env)
[ -n "$password" ] || { echo "aipull-rabbitmq-user: no RABBITMQ_PASSWORD in /etc/aipull/secrets.env" >&2; exit 1; }

# By standard input: arguments are seen by every user of the machine.
if rabbitmqctl --quiet list_users --no-table-headers | cut -f1 | grep -qx aipull; then
    printf '%s\n' "$password" | rabbitmqctl --quiet change_password aipull
else
    printf '%s\n' "$password" | rabbitmqctl --quiet add_user aipull
fi
rabbitmqctl --quiet set_permissions aipull '.*' '.*' '.*'
echo "aipull-rabbitmq-user: the user aipull may use the virtual host /"
