# The server, without torch, as a user without rights:
#   docker build -t emotion-component . && docker run -p 8100:8100 emotion-component
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY emotion_component emotion_component
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir ".[server]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home emotion
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY server server
COPY config/server.yaml config/server.yaml
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8100
# Inside a container, loopback is of no use: give a key in EMOTION_SECURITY__API_KEYS, or publish
# the port to trusted machines alone and set EMOTION_SECURITY__ALLOW_ANONYMOUS=true.
ENV EMOTION_LISTEN__HOST=0.0.0.0
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8100/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "server", "--config", "config/server.yaml"]
