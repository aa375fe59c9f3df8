# The project and its environment. GPUs: `docker run --gpus all`. Data and runs live outside: mount data/, mlruns/ and
# mlflow.db, for example `docker run -v "$PWD/data:/project/data" guided-imagination kedro run`.
FROM python:3.12-slim

ENV PATH=/project/.venv/bin:$PATH PYTHONUNBUFFERED=1 UV_LINK_MODE=copy

# a user of its own, whose folder the mounted ones have to be writable for
RUN groupadd --gid 1000 imagination \
    && useradd --uid 1000 --gid imagination --create-home imagination \
    && mkdir /project && chown imagination:imagination /project
USER 1000
WORKDIR /project

# what changes rarely first: a changed source file does not install the packages again
COPY --chown=imagination pyproject.toml constraints.txt README.md LICENSE ./
COPY --chown=imagination src/guided_imagination/__init__.py src/guided_imagination/__init__.py
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --constraint constraints.txt uv \
    && .venv/bin/uv pip install --no-cache --python .venv/bin/python --constraint constraints.txt --editable '.[viz,ray]'

COPY --chown=imagination . .

CMD ["kedro", "run"]
