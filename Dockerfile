# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS built
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package runs a script of its own.
RUN npm ci --ignore-scripts
COPY build.ts ./
COPY bin ./bin
COPY src ./src
COPY fixtures ./fixtures
# What stays is what runs. The base image has the Node.js that the optional packages would bring, and glibc, for which
# libsodium comes compiled.
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production ZONESEAL_HOST=0.0.0.0 ZONESEAL_PORT=8080 ZONESEAL_DATA=/data
WORKDIR /app
COPY --from=built /app ./
RUN ln -s /app/bin/zoneseal.js /usr/local/bin/zoneseal && install -d -o node -g node -m 0700 /data
# Numbers, so that an orchestrator can see that it is not root: the image's user "node".
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["zoneseal"]
CMD ["serve"]
