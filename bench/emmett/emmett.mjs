// Emmett's part of the benchmark `postgres`: told a line at a time what to do, it answers each with a line.
import { STREAM_DOES_NOT_EXIST } from "@event-driven-io/emmett";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import pg from "pg";

const url = process.argv[2];
const pool = new pg.Pool({ connectionString: url, max: 16 });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });

const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

const moved = (i) => ({
  type: "moved",
  data: {
    Flight: `UA${i}`, From: "ATL", To: "ORD", At: new Date(i * 1000).toISOString(),
    Remark: "A remark of the length remarks have in practice, so that an event as a whole has about two hundred bytes",
  },
});

async function append(callers, first, last) {
  await Promise.all(Array.from({ length: callers }, async (_, caller) => {
    for (let i = first + caller; i < last; i += callers)
      await store.appendToStream(`flight-${i.toString(16).padStart(8, "0")}`, [moved(i)], { expectedStreamVersion: STREAM_DOES_NOT_EXIST });
  }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...numbers] = line.split(" ");
  if (verb === "version") {
    console.log(`Emmett ${versionOf("@event-driven-io/emmett-postgresql")} on node ${process.versions.node}, pg ${versionOf("pg")}`);
  } else {
    await append(...numbers.map(Number));
    console.log("done");
  }
}
await store.close();
await pool.end();
