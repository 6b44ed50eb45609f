# A small image that serves Dagster code. `docker build -t my-code .` makes it; the arguments (ARG) say of what.
#
# What a build needs to reach a package index goes in as secrets, of which nothing stays in the image:
#
#   --secret id=pip_conf,src=pip.conf    pip's configuration, with the address and password of an index
#   --secret id=ca_bundle,src=ca.pem     certificates that a pip.conf can name as /run/secrets/ca_bundle

# What an image that serves may not be, the stages that make it have to be.
# hadolint global ignore=DL3002

ARG PYTHON_VERSION=3.12
# Any image with `python`, its venv module and pip will do.
ARG BASE_IMAGE=docker.io/library/python:${PYTHON_VERSION}-slim
# A directory of the build context. Its content becomes /app, where the server is started; what its
# requirements.txt, uv.lock or pyproject.toml requires is installed, the first of them that there is.
ARG USER_CODE=example_user_code
# A requirement such as codeserver==0.1.0; without one, the build context is a checkout of codeserver.
ARG CODESERVER=""


# The build context, sorted: a later stage is built again only when its own part has changed.
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
        cp -R LICENSE README.md pyproject.toml codeserver /sorted/server; \
    fi \
    && cp -R "${USER_CODE}/." /sorted/code \
    # Whatever the permissions were where the image is built, any user can read this.
    && chmod -R u+rwX,go+rX,go-w /sorted
WORKDIR /sorted/code
RUN find . -depth \( -name .git -o -name '.venv*' -o -name .env -o -name '.env.*' -o -name __pycache__ \) \
        -exec rm -rf {} + \
    # What says what the code requires, and the files that it refers to.
    && find . -type f \( -path './uv.lock' -o -path './pyproject.toml' \
        -o -path '*requirements*.txt' -o -path '*constraints*.txt' \) -exec sh -c \
        'for found; do mkdir -p "$0/${found%/*}" && cp "${found}" "$0/${found}" || exit 1; done' \
        /sorted/requirements {} +


# codeserver as a wheel, and what it requires as a list.
FROM ${BASE_IMAGE} AS server
USER 0
ARG CODESERVER
COPY --from=sources /sorted/server /server
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle \
    --mount=type=cache,target=/root/.cache/pip \
    pip wheel --quiet --no-deps --wheel-dir /wheels "${CODESERVER:-/server}" \
    && python -m zipfile -e /wheels/codeserver-*.whl /unpacked \
    && sed -n 's/^Requires-Dist: //p' /unpacked/codeserver-*.dist-info/METADATA > /codeserver.txt


# Everything that the server and the code import, compiled.
FROM ${BASE_IMAGE} AS dependencies
USER 0
# Packages that have to be built may need a compiler: install it here, and it does not get into the image.
ARG DAGSTER_VERSION=""
# The packages that run and step pods need to reach the storage of the instance.
ARG EXTRA_REQUIREMENTS="dagster-postgres>=0.29 sqlalchemy<2.1"
RUN python -m venv --without-pip /opt/venv
COPY --from=server /codeserver.txt /unpacked/codeserver/cli/user_requirements.py /requirements/
COPY --from=sources /sorted/requirements /requirements/code
WORKDIR /requirements/code
# What a lock file requires is written down by the program that has locked it. Variables that are lists are
# not quoted, and uv is not part of the image.
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
    # With digests in it, a list may name nothing that has none. What it has installed is not changed afterwards.
    && if grep -q -r -e --hash= .; then \
        pip --python /opt/venv/bin/python install --quiet --no-compile ${code} \
        && pip --python /opt/venv/bin/python freeze > installed.txt \
        && code="-c installed.txt"; \
    fi \
    && pip --python /opt/venv/bin/python install --quiet --no-compile -r ../codeserver.txt ${code} \
        ${DAGSTER_VERSION:+"dagster==${DAGSTER_VERSION}"} ${EXTRA_REQUIREMENTS} \
    # Valid whatever a builder does with the times of files. Some packages have files that are no valid
    # Python, which must not stop a build.
    && { /opt/venv/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/venv || true; }


# The files of codeserver alone, compiled, because they change more often than what it requires.
FROM dependencies AS installed
COPY --from=server /wheels /wheels
RUN pip --python /opt/venv/bin/python install --quiet --no-cache-dir --no-compile --no-index --no-deps \
        --no-warn-script-location --root /installed /wheels/codeserver-*.whl \
    && packages="$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && /opt/venv/bin/python -m compileall -q -s /installed --invalidation-mode unchecked-hash \
        "/installed${packages}/codeserver" \
    # The packages of a project are found from everywhere, as if it were installed.
    && printf '/app/src\n/app\n' > "/installed${packages}/app.pth"


FROM ${BASE_IMAGE}
USER 0
ENV PATH=/opt/codeserver/bin:/opt/venv/bin:${PATH} \
    # Everything is compiled here, and the file system may be read-only.
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # A user id that is in no list of users has neither a home nor a name. Dagster writes to its home, and
    # where the file system is read-only, this is the directory that can be written to.
    HOME=/tmp \
    LOGNAME=dagster

# Official images have Python's own library without bytecode, which would be compiled at every start.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site-packages|dist-packages|test|tests|idlelib|lib2to3|ensurepip|turtledemo|tkinter)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    # Group 0 may write what the user may, for clusters that choose the user id themselves.
    && mkdir -p /opt/dagster/dagster_home /opt/codeserver/bin \
    && chmod -R g=u /opt/dagster/dagster_home

# From what seldom changes to what often does.
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=installed /installed/opt/venv /opt/venv

# The `dagster` command that comes first on PATH serves and probes with codeserver, and is Dagster's own for
# everything else.
RUN codeserver install-dagster /opt/codeserver/bin

WORKDIR /app
COPY --from=sources /sorted/code /app

# What `codeserver grpc` and `codeserver check` are told to load, from /app; empty for what pyproject.toml says.
ARG TARGET="-f repo.py"
# With a path, such as /app/location.snap, what the code defines is written there when the image is built and
# served from there while the code is loaded.
ARG SNAPSHOT=""
ENV CODESERVER_TARGET=${TARGET} \
    CODESERVER_SNAPSHOT=${SNAPSHOT}
# Checked hashes, because code is what people edit or mount. The target is several words, so it is not quoted.
# hadolint ignore=SC2086
RUN { python -m compileall -qq -j 0 --invalidation-mode checked-hash /app || true; } \
    && if [ -n "${SNAPSHOT}" ]; then codeserver snapshot ${TARGET} --output "${SNAPSHOT}"; fi

# A number, so that a cluster can see that it is not root.
USER 10001:0

# Code that does not load makes no image. As the user that serves it, because that one has to be able to read it.
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

# Clusters give whole commands as arguments, so nothing may stand in front of them. The shell is gone when
# the server begins.
ENTRYPOINT []
CMD ["sh", "-c", "exec codeserver grpc ${CODESERVER_TARGET} --host 0.0.0.0 --port 4000"]
