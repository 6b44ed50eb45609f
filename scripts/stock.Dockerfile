# The example served by stock Dagster with the same packages, for comparison.
ARG BASE_IMAGE=docker.io/library/python:3.12-slim
FROM ${BASE_IMAGE}
WORKDIR /app
COPY example_user_code/requirements.txt .
# hadolint ignore=DL3013
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle \
    pip install --quiet --no-cache-dir "dagster>=1.10" \
        "dagster-aws>=0.26" "dagster-k8s>=0.26" "dagster-postgres>=0.26" "sqlalchemy<2.1" -r requirements.txt
COPY example_user_code .
CMD ["dagster", "api", "grpc", "-f", "repo.py", "-h", "0.0.0.0", "-p", "4000"]
