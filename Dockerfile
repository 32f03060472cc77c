# The service's image: hash-checked packages, no build tools, no root, a read-only root file system is enough.
#   docker build --tag sas-service .
#   docker run --read-only --volume mirror:/mirror --volume ./policy.yaml:/etc/sas-service/policy.yaml:ro \
#     --env-file service.env --publish 8080:8080 sas-service serve
# The mirror's volume belongs to user 65532. With SAS_MIRROR_CONTAINER, set SAS_MIRROR_DIRECTORY to nothing.
FROM python:3.13-slim AS packages
COPY requirements.lock /build/requirements.lock
# Only ready-made wheels: nothing is compiled, so nothing to compile with is needed.
RUN python -m pip install --no-cache-dir --require-hashes --only-binary=:all: --target=/packages \
    --requirement /build/requirements.lock
COPY sas_service /packages/sas_service
COPY migrations /packages/migrations
RUN python -m compileall -q /packages

FROM python:3.13-slim
RUN python -m pip uninstall --yes --quiet pip \
    && useradd --uid 65532 --no-create-home --shell /usr/sbin/nologin sas-service \
    && install --directory --owner=65532 --group=65532 --mode=0700 /mirror
COPY --from=packages /packages /packages
ENV PYTHONPATH=/packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAS_BIND=0.0.0.0:8080 \
    SAS_MIRROR_DIRECTORY=/mirror \
    SAS_POLICY_FILE=/etc/sas-service/policy.yaml
WORKDIR /packages
USER 65532:65532
VOLUME /mirror
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2).read()"]
ENTRYPOINT ["python", "-m", "sas_service.cli"]
CMD ["serve"]
