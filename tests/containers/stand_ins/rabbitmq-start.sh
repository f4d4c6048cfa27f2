#!/bin/sh
# As the official image: the user of the variables is made when the data folder is empty, and guest is not.
set -eu
export HOME=/var/lib/rabbitmq RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/mnesia RABBITMQ_LOGS=- RABBITMQ_LOG_BASE=/tmp
export RABBITMQ_CONFIG_FILE=/tmp/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/enabled_plugins
umask 077
{
    cat /etc/rabbitmq/conf.d/*.conf
    echo "default_user = $RABBITMQ_DEFAULT_USER"
    echo "default_pass = $RABBITMQ_DEFAULT_PASS"
} >/tmp/rabbitmq.conf
echo '[].' >/tmp/enabled_plugins
# The script of Debian's package wants to be root and changes the user; this is the program behind it.
exec /usr/lib/rabbitmq/bin/rabbitmq-server
