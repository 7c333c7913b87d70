# The worker's image (sage-ai-backend-moderator). The web service runs natively; see render.yaml.
# Two stages: compilers' and pip's leftovers stay in the first one.

FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt requirements-lock.txt ./
RUN pip install -r requirements.txt

FROM python:3.11-slim-bookworm
# Names of people, and what they say, are any Unicode; logs are read while they are written.
ENV PATH="/opt/venv/bin:$PATH" \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    SAGE_ENV=production \
    WORKER_HOST=0.0.0.0 \
    HF_HOME=/home/sage/.cache/huggingface \
    DATA_DIR=/home/sage/data
# Models that root downloaded are not there for the user that runs: the cache belongs to that user from the start.
RUN useradd --create-home --uid 10001 --shell /usr/sbin/nologin sage \
    && mkdir -p /home/sage/.cache/huggingface /home/sage/data \
    && chown -R sage:sage /home/sage
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
USER sage

# Pre-download LiveKit models to avoid runtime downloads
RUN python debate_moderator_agent.py download-files || echo "Model download failed but continuing build"

# Health page and metrics; no traffic comes in otherwise.
EXPOSE 8082 8083
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('WORKER_HEALTH_PORT', '8082'), timeout=4)"]
# The exec form: SIGTERM reaches the worker, which then drains.
CMD ["python", "debate_moderator_agent.py", "start"]
