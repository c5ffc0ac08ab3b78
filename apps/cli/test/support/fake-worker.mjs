/** Stands in for a worker in tests of the supervision: says that it is ready, and drains, or does not. */
const alive = setInterval(() => undefined, 60_000);
console.log(`worker starts ${process.argv.slice(2).join(" ")}`);
if (process.env.FAKE_WORKER !== "never-ready") process.send?.({ type: "ready" });
process.on("SIGTERM", () => {
  console.log("worker stops");
  if (process.env.FAKE_WORKER === "stuck") return;
  clearInterval(alive);
  process.exit(0);
});
