# RabbitMQ of Debian where the official image cannot be had: user 999, data in /var/lib/rabbitmq, settings in /etc/rabbitmq/conf.d.
FROM debian:12
RUN groupadd --gid 999 rabbitmq \
 && useradd --uid 999 --gid 999 --home-dir /var/lib/rabbitmq --no-create-home rabbitmq \
 && apt-get update \
 && apt-get install -y --no-install-recommends rabbitmq-server \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o rabbitmq -g rabbitmq -m 0700 /var/lib/rabbitmq \
 && install -d /etc/rabbitmq/conf.d
COPY rabbitmq-start.sh /usr/local/bin/
VOLUME /var/lib/rabbitmq
USER rabbitmq
EXPOSE 5672
ENTRYPOINT ["/usr/local/bin/rabbitmq-start.sh"]
