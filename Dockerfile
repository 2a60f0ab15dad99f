# The image of the API. The landing page is not part of it: it lives on a host of its own.
#
#   docker build --build-arg VERSION=1.2.3 --tag ring-ring:1.2.3 .

ARG NODE_IMAGE=node:22-slim
FROM ${NODE_IMAGE}

WORKDIR /app
COPY app/package.json app/server.js app/healthcheck.js ./
COPY app/lib ./lib

# Last, because it changes with every build and nothing above depends on it.
ARG VERSION=dev
ENV NODE_ENV=production \
    PORT=8080 \
    VERSION=${VERSION}
LABEL org.opencontainers.image.title="ring-ring" \
      org.opencontainers.image.description="A small HTTP API: every request gets a JSON document of its own." \
      org.opencontainers.image.version="${VERSION}"

USER node
EXPOSE 8080

# Docker sends SIGTERM, and SIGKILL 10 seconds later. The service needs up to STOP_GRACE_SECONDS,
# which is 10 too: run the container with a stop timeout that is a little longer.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "healthcheck.js"]
CMD ["node", "server.js"]
