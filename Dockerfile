# A small image that serves Dagster code. Build it with `docker build -t my-code .`; the arguments (ARG) choose the
# code.
#
# Pass the access to a package index as secrets, which do not stay in the image:
#
#   --secret id=pip_conf,src=pip.conf    pip's configuration, with the address and password of an index
#   --secret id=ca_bundle,src=ca.pem     certificates, which pip.conf can name as /run/secrets/ca_bundle

# The build stages must run as root. The final image does not.
# hadolint global ignore=DL3002

ARG PYTHON_VERSION=3.12
# Any image with `python`, its venv module and pip works.
ARG BASE_IMAGE=docker.io/library/python:${PYTHON_VERSION}-slim
# A directory of the build context. Its content becomes /app, the server's working directory. Its requirements
# are installed from the first of these files: requirements.txt, uv.lock, pyproject.toml.
ARG USER_CODE=example_user_code
# A requirement such as codeserver==0.1.0. If empty, the build context must be a checkout of codeserver.
ARG CODESERVER=""
# If not empty, codeserver and its requirements get an environment of their own (/opt/server). That of the code
# (/opt/venv) has what the code requires, and Dagster.
ARG SEPARATE_ENVIRONMENT=""
# What writes the image's bill of materials, /opt/codeserver/sbom.cdx.json; if empty, there is none.
ARG SBOM_TOOL="cyclonedx-bom>=7,<8"


# The build context, sorted, so that a later stage is rebuilt only if its own part has changed.
FROM ${BASE_IMAGE} AS sources
USER 0
ARG USER_CODE
ARG CODESERVER
COPY . /context
WORKDIR /context
RUN if [ ! -d "${USER_CODE}" ]; then \
        echo "USER_CODE=${USER_CODE}: the build context has no such directory" >&2; exit 1; \
    fi \
    && mkdir -p /sorted/server /sorted/requirements /sorted/code \
    && if [ -z "${CODESERVER}" ]; then \
        cp -R LICENSE README.md pyproject.toml codeserver.cdx.json codeserver /sorted/server; \
    fi \
    && cp -R "${USER_CODE}/." /sorted/code \
    # Any user can read the files, regardless of their permissions in the build context.
    && chmod -R u+rwX,go+rX,go-w /sorted
WORKDIR /sorted/code
RUN find . -depth \( -name .git -o -name '.venv*' -o -name .env -o -name '.env.*' -o -name __pycache__ \) \
        -exec rm -rf {} + \
    # The files with the code's requirements, and files that they include.
    && find . -type f \( -path './uv.lock' -o -path './pyproject.toml' \
        -o -path '*requirements*.txt' -o -path '*constraints*.txt' \) -exec sh -c \
        'for found; do mkdir -p "$0/${found%/*}" && cp "${found}" "$0/${found}" || exit 1; done' \
        /sorted/requirements {} +


# codeserver as a wheel, and its requirements as a list.
FROM ${BASE_IMAGE} AS server
USER 0
ARG CODESERVER
COPY --from=sources /sorted/server /server
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    pip wheel --quiet --no-deps --wheel-dir /wheels "${CODESERVER:-/server}" \
    && python -m zipfile -e /wheels/codeserver-*.whl /unpacked \
    && sed -n 's/^Requires-Dist: //p' /unpacked/codeserver-*.dist-info/METADATA > /all.txt \
    # The code needs Dagster, and the server all the rest.
    && grep '^dagster' /all.txt > /dagster.txt \
    && grep -v '^dagster' /all.txt > /codeserver.txt


# All dependencies of the server and the code, compiled.
FROM ${BASE_IMAGE} AS dependencies
USER 0
# If packages need a compiler, install it here: this stage does not get into the image.
ARG DAGSTER_VERSION=""
# Packages with which run and step pods reach the storage of the instance.
ARG EXTRA_REQUIREMENTS="dagster-postgres>=0.26 sqlalchemy<2.1"
ARG SEPARATE_ENVIRONMENT
RUN mkdir /reports \
    && python -m venv --without-pip /opt/venv \
    && if [ -n "${SEPARATE_ENVIRONMENT}" ]; then python -m venv --without-pip /opt/server; fi
COPY --from=server /codeserver.txt /dagster.txt /unpacked/codeserver/cli/commands/dockerfile/user_requirements.py /requirements/
COPY --from=sources /sorted/requirements /requirements/code
WORKDIR /requirements/code
# uv itself exports the requirements of its lock file, and is not part of the image. Variables that are lists are
# not quoted.
# hadolint ignore=DL3013,SC2086
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    if [ -f uv.lock ] && [ ! -f requirements.txt ]; then \
        pip install --quiet uv \
        && uv export --quiet --frozen --no-dev --no-emit-project --no-hashes --output-file requirements.txt; \
    fi \
    && packages="$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && python ../user_requirements.py "${packages}" > all-of-the-code.txt \
    && code="-r all-of-the-code.txt" \
    # In a list with digests, every requirement needs one. So it is installed alone, and nothing changes it later.
    && if grep -q -r -e --hash= .; then \
        pip --python /opt/venv/bin/python install --quiet --no-compile --report /reports/code.json ${code} \
        && pip --python /opt/venv/bin/python freeze > installed.txt \
        && code="-c installed.txt"; \
    fi \
    && if [ -n "${SEPARATE_ENVIRONMENT}" ]; then \
        pip --python /opt/server/bin/python install --quiet --no-compile --report /reports/server.json \
            -r ../codeserver.txt; \
    else \
        code="-r ../codeserver.txt ${code}"; \
    fi \
    && pip --python /opt/venv/bin/python install --quiet --no-compile --report /reports/all.json -r ../dagster.txt ${code} \
        ${DAGSTER_VERSION:+"dagster==${DAGSTER_VERSION}"} ${EXTRA_REQUIREMENTS} \
    # Unchecked hashes stay valid even if a builder changes the times of files. Some packages have invalid Python
    # files, which must not stop a build.
    && { /opt/venv/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash \
        /opt/venv ${SEPARATE_ENVIRONMENT:+/opt/server} || true; }


# Only the files of codeserver, compiled, because they change more often than its requirements.
FROM dependencies AS installed
ARG SEPARATE_ENVIRONMENT
COPY --from=server /wheels /wheels
RUN packages="$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && mkdir -p "/installed${packages}" \
    # Makes a project's packages importable from any directory, as if it were installed.
    && printf '/app/src\n/app\n' > "/installed${packages}/app.pth" \
    && server=/opt/venv \
    && if [ -n "${SEPARATE_ENVIRONMENT}" ]; then server=/opt/server && cp -a /opt/server /installed/opt; fi \
    && pip --python "${server}/bin/python" install --quiet --no-cache-dir --no-compile --no-index --no-deps \
        --no-warn-script-location --root /installed --report /reports/codeserver.json /wheels/codeserver-*.whl \
    && "${server}/bin/python" -m compileall -q -s /installed --invalidation-mode unchecked-hash \
        "/installed${server}${packages#/opt/venv}/codeserver"


# What writes the bill of materials; it does not get into the image, where it is only mounted.
FROM ${BASE_IMAGE} AS sbom
USER 0
ARG SBOM_TOOL
# The version is in the argument.
# hadolint ignore=DL3013
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /tool \
    && if [ -n "${SBOM_TOOL}" ]; then pip --python /tool/bin/python install --quiet "${SBOM_TOOL}"; fi
COPY --from=installed /reports /tool/reports
COPY --from=server /unpacked/codeserver/cli/commands/dockerfile/bill_of_materials.py /tool/


FROM ${BASE_IMAGE}
USER 0
ARG SEPARATE_ENVIRONMENT
ENV PATH=/opt/codeserver/bin:/opt/venv/bin:/opt/server/bin:${PATH} \
    # The Python that the server and its commands load the code with; empty for their own.
    CODESERVER_PYTHON=${SEPARATE_ENVIRONMENT:+/opt/venv/bin/python} \
    # Everything is already compiled, and the file system may be read-only.
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # An unlisted user id has no home and no name. Dagster writes to its home, and on a read-only file system
    # only /tmp is writable.
    HOME=/tmp \
    LOGNAME=dagster

# Official images contain Python's library without bytecode. Python would compile it at every start.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site-packages|dist-packages|test|tests|idlelib|lib2to3|ensurepip|turtledemo|tkinter)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    # Group 0 may write like the user, for clusters that choose the user id.
    && mkdir -p /opt/dagster/dagster_home /opt/codeserver/bin \
    && chmod -R g=u /opt/dagster/dagster_home

# Ordered from rarely to often changed.
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=installed /installed/opt /opt

# The first `dagster` on PATH serves and probes with codeserver, and is Dagster's own for everything else.
RUN codeserver install-dagster /opt/codeserver/bin

# Everything that is installed, with the digests of the downloads.
ARG SBOM_TOOL
RUN --mount=type=bind,from=sbom,source=/tool,target=/tool \
    if [ -n "${SBOM_TOOL}" ]; then \
        /tool/bin/python /tool/bill_of_materials.py /opt/codeserver/sbom.cdx.json /tool/reports \
            /opt/venv ${SEPARATE_ENVIRONMENT:+/opt/server}; \
    fi

WORKDIR /app
COPY --from=sources /sorted/code /app

# Target of `codeserver grpc` and `codeserver check`, from /app; empty for the target in pyproject.toml.
ARG TARGET="-f repo.py"
# Path of a snapshot, such as /app/location.snap. The build writes it, and the server serves it while it loads the
# code.
ARG SNAPSHOT=""
ENV CODESERVER_TARGET=${TARGET} \
    CODESERVER_SNAPSHOT=${SNAPSHOT}
# Checked hashes, because users edit or mount the code. The target is several words, so it is not quoted.
# hadolint ignore=SC2086
RUN { python -m compileall -qq -j 0 --invalidation-mode checked-hash /app || true; } \
    && if [ -n "${SNAPSHOT}" ]; then codeserver snapshot ${TARGET} --output "${SNAPSHOT}"; fi

# A number, so that a cluster can check that it is not root.
USER 10001:0

# Fails the build if the code does not load. Runs as the serving user, who must be able to read the code.
# hadolint ignore=SC2086
RUN codeserver check ${TARGET}

ARG BASE_IMAGE
ARG CREATED=""
ARG REVISION=""
ARG VERSION=""
LABEL org.opencontainers.image.title="Dagster code location" \
      org.opencontainers.image.description="Dagster definitions, served by codeserver" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"

EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=6s --start-period=180s CMD ["codeserver", "health"]

# Clusters pass whole commands as arguments, so there is no entry point. `exec` replaces the shell by the server.
ENTRYPOINT []
CMD ["sh", "-c", "exec codeserver grpc ${CODESERVER_TARGET} --host 0.0.0.0 --port 4000"]
