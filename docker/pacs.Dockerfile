# pacs_module with HTTPie for the operators; the same image runs the simulated department and the example backend.
ARG DEBIAN_IMAGE=debian:12
FROM ${DEBIAN_IMAGE}

COPY docker/debian.sh /opt/aipull/docker/
RUN . /opt/aipull/docker/debian.sh \
 && apt-get update \
 && apt-get install -y --no-install-recommends httpie "$PYTHON" "$PYTHON-venv" tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && "/usr/bin/$PYTHON" -m venv /opt/aipull/venv

# The group is the RAM disk's: it may read what is handed over, and nothing else there.
RUN groupadd --gid 10001 aipull \
 && useradd --uid 10002 --gid aipull --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pacs

# Without a terminal (`exec -T`, cron) HTTPie would wait for a body on standard input and POST it.
COPY docker/pacs/httpie.json /etc/httpie/config.json

# For a mirror of PyPI: docker-compose build --build-arg PIP_INDEX_URL=...
ARG PIP_INDEX_URL
ENV HTTPIE_CONFIG_DIR=/etc/httpie \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/aipull/venv/bin:$PATH
WORKDIR /opt/aipull
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY docker/healthy.py docker/pacs/start.sh docker/
COPY site_check site_check
COPY pacs_module pacs_module
COPY orthanc orthanc
COPY hospital_sim hospital_sim
COPY examples examples
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && python -m compileall -q pacs_module hospital_sim examples

# Docker gives an empty volume the owner of the mount point in the image of whoever is created next, also one that is mounted already: /ram
# is Orthanc's in this image as well, and so is the journal's folder.
RUN install -d -o 10001 -g aipull -m 0750 /ram \
 && install -d -o pacs -g aipull -m 0750 /var/lib/aipull /copies /archive \
 && install -d -o 10001 -g aipull -m 0750 /var/lib/aipull/orthanc \
 && install -d -o pacs -g aipull -m 0700 /backup \
 && install -d -o 10001 -g aipull -m 2770 /var/log/aipull \
 && ln -s /ram/handover /store_image
VOLUME /var/log/aipull
# Where operators look: docker-compose exec pacs cat dcm_end.log
WORKDIR /var/log/aipull
USER pacs
EXPOSE 7000
HEALTHCHECK --interval=5s --timeout=5s --retries=12 --start-period=30s \
    CMD ["python", "/opt/aipull/docker/healthy.py", "http://127.0.0.1:7000/health/ready"]
ENTRYPOINT ["/opt/aipull/docker/start.sh"]
CMD ["pacs-module", "run"]
