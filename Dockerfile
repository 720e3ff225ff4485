# Another registry may have the base image: --build-arg BUN_IMAGE=registry.example.com/oven/bun:1.4.5-slim
ARG BUN_IMAGE=docker.io/oven/bun:1.4.5-slim

FROM ${BUN_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY patches patches
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY src src
RUN bun run build:executable
# The image has nothing but the executable, the libraries that it is linked with, and two empty folders.
RUN mkdir /image /owned && mkdir -m 1777 /image/tmp && mkdir -m 700 /owned/data \
  && ldd build/mailchimp-export-service | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=/image

# The sandbox Mailchimp, for trying the service without an account: --target sandbox
FROM build AS sandbox
USER 10001:10001
EXPOSE 3001
CMD ["bun", "src/sandbox/serve-command.ts", "{\"hostname\":\"0.0.0.0\",\"port\":3001}"]

FROM scratch AS service
COPY --from=build /image /
COPY --from=build /app/build/mailchimp-export-service /
COPY --from=build --chown=10001:10001 /owned /
# Without BUN_CONFIG_MAX_HTTP_REQUESTS slow accounts would delay all others.
ENV BUN_CONFIG_MAX_HTTP_REQUESTS=65535 \
    NODE_ENV=production \
    HOST=0.0.0.0 \
    SQLITE_PATH=/data/export.sqlite \
    JOB_FILES=/data/jobs
USER 10001:10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/mailchimp-export-service", "health"]
ENTRYPOINT ["/mailchimp-export-service"]
