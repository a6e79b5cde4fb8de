// What PouchDB puts on the wire where a site of Sanad would: everything to an empty database, nothing, and a few edits.
//
// node run.mjs FILE EDITED
//
// FILE holds one document a line. The server is express-pouchdb, both databases are in memory, and the bytes are counted
// between them, HTTP and all, without TLS. Prints one JSON object.
import express from "express";
import expressPouchDB from "express-pouchdb";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import memory from "pouchdb-adapter-memory";
import http from "pouchdb-adapter-http";
import PouchDB from "pouchdb-core";
import mapreduce from "pouchdb-mapreduce";
import replication from "pouchdb-replication";

const BATCH = 1000;
const [file, edited] = [process.argv[2], Number(process.argv[3])];
const Any = PouchDB.plugin(memory).plugin(http).plugin(mapreduce).plugin(replication);
const Local = Any.defaults({ adapter: "memory" });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sanad-peer-"));
const app = express();
app.use("/", expressPouchDB(Local, { inMemoryConfig: true, logPath: path.join(folder, "log.txt"), mode: "minimumForPouchDB" }));
const server = app.listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));

// Between the two: counts, and passes on.
let bytes = 0;
const counter = net.createServer((near) => {
    const far = net.connect(server.address().port, "127.0.0.1");
    near.on("data", (data) => (bytes += data.length));
    far.on("data", (data) => (bytes += data.length));
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => { near.destroy(); far.destroy(); });
});
counter.listen(0, "127.0.0.1");
await new Promise((done) => counter.once("listening", done));

const documents = fs.readFileSync(file, "utf8").trimEnd().split("\n").map((line, at) => ({ ...JSON.parse(line), _id: `d${at}` }));
const full = new Local("full");
const empty = new Local("empty");
for (let at = 0; at < documents.length; at += BATCH) {
    const results = await full.bulkDocs(documents.slice(at, at + BATCH));
    results.forEach((result, index) => {
        if (result.error) throw new Error(`document ${at + index}: ${result.reason}`);
        documents[at + index]._rev = result.rev;
    });
}

async function pull() {
    const before = bytes;
    const began = performance.now();
    const peer = new Any(`http://127.0.0.1:${counter.address().port}/full`, { adapter: "http" });
    const result = await empty.replicate.from(peer, { batch_size: BATCH });
    if (!result.ok) throw new Error("the replication failed");
    return { bytes: bytes - before, written: result.docs_written, seconds: (performance.now() - began) / 1000 };
}

const all = await pull();
const nothing = await pull();
const step = Math.floor(documents.length / edited);
const changed = documents.filter((_, at) => at % step === 0).slice(0, edited);
await full.bulkDocs(changed.map((document) => ({ ...document, language: "ar" })));
const edits = await pull();
if (all.written !== documents.length || nothing.written !== 0 || edits.written !== changed.length) {
    throw new Error(`not what was meant: ${JSON.stringify([all, nothing, edits])}`);
}
console.log(JSON.stringify({ documents: documents.length, all, nothing, edits }));
fs.rmSync(folder, { recursive: true });
process.exit(0);
