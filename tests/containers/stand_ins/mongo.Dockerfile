# A MongoDB-compatible server where the official image cannot be had: user 999, data in /data/db.
FROM debian:12
RUN groupadd --gid 999 mongodb \
 && useradd --uid 999 --gid 999 --home-dir /data/db --no-create-home mongodb \
 && apt-get update \
 && apt-get install -y --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/secantus \
 && /opt/secantus/bin/pip install --no-cache-dir secantusdb==0.7.0b3 \
 && install -d -o mongodb -g mongodb -m 0700 /data/db /data/configdb
COPY mongo-start.py /usr/local/bin/
VOLUME ["/data/db", "/data/configdb"]
USER mongodb
EXPOSE 27017
ENTRYPOINT ["/opt/secantus/bin/python", "/usr/local/bin/mongo-start.py"]
