# The image of web, worker and release. Nothing in it is secret; what differs between places comes from the environment.
# Whether a container of it is healthy depends on what it runs, so that is asked in docker-compose.yml. It needs no BuildKit,
# which not every PaaS has.

FROM python:3.13-slim AS packages
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN pip install "uv>=0.13,<0.14"
COPY requirements.txt .
RUN uv venv --python /usr/local/bin/python /venv && uv pip sync --require-hashes --python /venv requirements.txt

FROM packages AS build
COPY . .
RUN /venv/bin/python manage.py collectstatic --no-input --verbosity 0 && /venv/bin/python -m compileall -q infra web worker

# For the profile `mail` of Compose: an SMTP server that shows what it is sent.
FROM packages AS mail
COPY requirements-dev.txt .
RUN uv pip install --python /venv --constraints requirements-dev.txt aiosmtpd
USER 10001

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --no-create-home --home-dir /app kickstand
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
# What is kept on disk (the secret of a demo, SQLite without a DATABASE_URL) goes to var: mount a volume there.
RUN mkdir -p var && chown kickstand var
USER kickstand
EXPOSE 8000
CMD ["gunicorn", "--config", "infra/gunicorn.conf.py", "web.wsgi"]
