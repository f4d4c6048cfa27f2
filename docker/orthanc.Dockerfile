# Orthanc from Debian's packages, as the tests run it. Two images: `hospital`, a plain PACS for the demo, and `receiving`, with our plugins.
FROM debian:12 AS plain

# Security updates come in, another release does not: the field notes hold for 1.10.1 and 4.0.
RUN apt-get update \
 && apt-get install -y --no-install-recommends 'orthanc=1.10.1*' 'orthanc-python=4.0*' python3.11 tzdata \
 && rm -rf /var/lib/apt/lists/*

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
HEALTHCHECK --interval=15s --timeout=5s --retries=4 --start-period=20s \
    CMD ["/usr/bin/python3.11", "/opt/aipull/docker/healthy.py", "http://127.0.0.1:8042/system"]


FROM plain AS hospital
RUN install -d -o aipull -g aipull -m 0750 /var/lib/hospital
COPY docker/hospital/orthanc.json /etc/aipull/hospital.json
VOLUME /var/lib/hospital
USER aipull
CMD ["/etc/aipull/hospital.json"]


FROM plain AS receiving
# For a mirror of PyPI: docker-compose build --build-arg PIP_INDEX_URL=...
ARG PIP_INDEX_URL
# The venv must be made by Debian's own Python 3.11, which the plugin is built against.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3.11-venv \
 && rm -rf /var/lib/apt/lists/* \
 && /usr/bin/python3.11 -m venv /opt/aipull/venv
WORKDIR /opt/aipull
COPY requirements.lock ./
RUN venv/bin/pip install --no-cache-dir -r requirements.lock
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
