# Orthanc from Debian's packages, as the tests run it. Two images: `hospital`, a plain PACS for the demo, and `receiving`, with our plugins.
ARG DEBIAN_IMAGE=debian:12
FROM ${DEBIAN_IMAGE} AS plain

COPY docker/debian.sh /opt/aipull/docker/
# The link: Debian's own Python under one name for health check and start script.
RUN . /opt/aipull/docker/debian.sh \
 && apt-get update \
 && apt-get install -y --no-install-recommends "orthanc=$ORTHANC" "orthanc-python=$ORTHANC_PYTHON" "$PYTHON" tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s "/usr/bin/$PYTHON" /usr/local/bin/debian-python

# The numbers are those of the RAM disk in docker-compose.yml. pacs_module has the group, not the user: it sees what is handed over, not the store.
RUN groupadd --gid 10001 aipull \
 && useradd --uid 10001 --gid aipull --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin aipull

# LANG: without it the embedded Python is ASCII. TCP_NODELAY: without it each C-STORE waits some 50 ms.
ENV LANG=C.UTF-8 \
    TCP_NODELAY=1 \
    PYTHONUNBUFFERED=1
COPY docker/healthy.py docker/orthanc/start.sh /opt/aipull/docker/
COPY site_check /opt/aipull/site_check
ENTRYPOINT ["/opt/aipull/docker/start.sh"]
HEALTHCHECK --interval=5s --timeout=5s --retries=12 --start-period=20s \
    CMD ["/usr/local/bin/debian-python", "/opt/aipull/docker/healthy.py", "http://127.0.0.1:8042/system"]


FROM plain AS hospital
# Its start script checks the variables by way of site_check, which takes the rules for keys from there.
COPY pacs_module /opt/aipull/pacs_module
RUN install -d -o aipull -g aipull -m 0750 /var/lib/hospital
COPY docker/hospital/orthanc.json /etc/aipull/hospital.json
VOLUME /var/lib/hospital
USER aipull
CMD ["/etc/aipull/hospital.json"]


FROM plain AS receiving
# For a mirror of PyPI: docker-compose build --build-arg PIP_INDEX_URL=...
ARG PIP_INDEX_URL
# The venv must be made by Debian's own Python, which the plugin is built against.
RUN . /opt/aipull/docker/debian.sh \
 && apt-get update \
 && apt-get install -y --no-install-recommends "$PYTHON-venv" \
 && rm -rf /var/lib/apt/lists/* \
 && "/usr/bin/$PYTHON" -m venv /opt/aipull/venv
WORKDIR /opt/aipull
COPY requirements.lock ./
RUN venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY pacs_module pacs_module
COPY orthanc orthanc
RUN venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && venv/bin/python -m compileall -q pacs_module orthanc

RUN install -d -o aipull -g aipull -m 0750 /ram /var/lib/aipull \
 && install -d -o aipull -g aipull -m 2770 /var/log/aipull \
 && ln -s /ram/handover /store_image
VOLUME ["/var/lib/aipull", "/var/log/aipull"]
ENV PYTHONEXECUTABLE=/opt/aipull/venv/bin/python
# Where operators look: docker-compose exec orthanc cat orthanc-python.log
WORKDIR /var/log/aipull
USER aipull
CMD ["/opt/aipull/orthanc/config/orthanc.json"]
