# The image of web, worker and release. Nothing in it is secret; what differs between places comes from the environment.

FROM python:3.13-slim AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip pip install uv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --python /usr/local/bin/python /venv && uv pip sync --python /venv requirements.txt
COPY . .
RUN /venv/bin/python manage.py collectstatic --no-input --verbosity 0 && /venv/bin/python -m compileall -q infra web worker

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
