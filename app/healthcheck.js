// The image's health check: exit status 0 if the service in this container says it is healthy.

import { get } from "node:http";

// Not `localhost`, which may name an address family that this container does not have.
const where = { host: "127.0.0.1", port: process.env.PORT || 8080, path: "/health" };
get(where, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on("error", () =>
  process.exit(1),
);
