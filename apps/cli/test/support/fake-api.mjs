/** Stands in for the API in tests of the supervision: listens, says that it is ready, stops when told. */
import { createServer } from "node:http";

if (process.env.FAKE_API === "broken") {
  console.error("the fake API has a reason to fail");
  process.exit(1);
}
const server = createServer((_, response) => response.end('{"status":"ready"}'));
server.listen(Number(process.env.PORT), process.env.HOST ?? "127.0.0.1", () => process.send?.({ type: "ready" }));
process.on("SIGTERM", () => {
  console.log("api stops");
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
