# The image in which a step of the pipeline runs, wherever that is. Build it with `make image`.
# chapters/06-containers reads this file line by line.

# Chosen by digest, so that it is the same base next year; the tag before it is for people. Where it cannot be
# pulled, any image with Python 3.11 to 3.13 and its venv will do: make image BASE_IMAGE=...
ARG BASE_IMAGE=docker.io/library/python:3.12-slim-bookworm@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579

# --- First stage: install the packages. Nothing of it but /opt/venv gets into the image. ---
FROM ${BASE_IMAGE} AS packages
RUN python3 -m venv /opt/venv
WORKDIR /build
COPY requirements-image.txt .
# One package comes as source only and is built with setuptools, which therefore is installed first.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements-image.txt > first.txt
# Every file has to have a sum that the lock names. The settings of your company's package index, passwords
# included, are lent to these two commands and are in no layer.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=certificate,target=/run/certificate \
    /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement first.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --no-build-isolation \
    --requirement requirements-image.txt \
    && /opt/venv/bin/pip uninstall --yes pip
# The packages' own tests: nobody runs them here.
RUN find /opt/venv -type d -name tests -prune -exec rm -r {} +

# --- Second stage: the image. What changes seldom stands above what changes often. ---
FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="flightdelay" \
      org.opencontainers.image.description="One step of the flight-delay pipeline, or all six" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC0-1.0"
COPY --from=packages /opt/venv /opt/venv
# The folders lie as in the repository. The year is over and small, so it comes along; data that grows would
# be mounted elsewhere and named by FLIGHTDELAY_DATA. Readable by everybody, whatever the modes of the clone are.
COPY --chmod=755 data /app/data
COPY --chmod=755 src/flightdelay /app/src/flightdelay
# Nothing is written but to /tmp: the rest of the file system may be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app/src \
    FLIGHTDELAY_DATA=/app/data \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GOMP_SPINCOUNT=10000
WORKDIR /tmp
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
ENTRYPOINT ["python3", "-m", "flightdelay"]
