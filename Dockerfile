# The gateway as a container image: built with the whole toolchain, shipped without it.
#
#   docker build -t cti-gateway .
#   docker run -p 8080:8080 -v cti-data:/data cti-gateway
#
# Without further settings it keeps its book in SQLite under /data. In production give it a
# Postgres: -e CTI_STORE__URL=postgres://user:password@host/database

# By which browsers become telephones; the rest of web/ is served as it is written.
FROM node:20-bookworm-slim AS vendor
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
RUN npm run vendor

FROM rust:1.95-bookworm AS builder
WORKDIR /src

# The dependencies first, behind an empty program: this layer is rebuilt when they change, not
# when we do. The benchmark and the tests are no part of it.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/gateway tests/it \
    && echo 'fn main() {}' | tee src/main.rs benches/gateway/main.rs tests/it/main.rs build.rs \
    && touch src/lib.rs \
    && cargo build --locked --profile dist

COPY . .
COPY --from=vendor /src/web/vendor/ web/vendor/
# Newer than the empty program, whatever the dates in the checkout say.
RUN touch src/main.rs src/lib.rs \
    && cargo build --locked --profile dist --bin cti-gateway

FROM debian:bookworm-slim
# The certificates for whom the gateway calls: webhooks, telephone systems, a Postgres over TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin cti \
    && install -d -o cti -g cti -m 0750 /data
COPY --from=builder /src/target/dist/cti-gateway /usr/local/bin/cti-gateway
COPY LICENSE NOTICE /usr/share/doc/cti-gateway/

USER cti
WORKDIR /data
VOLUME /data
ENV CTI_LISTEN=0.0.0.0:8080 \
    CTI_STORE__URL=sqlite:/data/cti.db
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["cti-gateway", "health"]
ENTRYPOINT ["cti-gateway"]
CMD ["serve"]
