/** The least HTTP server there is: reads a JSON post, answers one. Tells its parent the port. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (part: string) => {
    text += part;
  });
  request.on("end", () => {
    const { payload } = JSON.parse(text) as { payload: object };
    response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ id: "bare", payload }));
  });
});
server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.on("disconnect", () => process.exit(0));
