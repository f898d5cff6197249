// Discovers and calls the service as a real client does: node call.mjs BASE REQUEST_FILE; prints one JSON object.
import { readFile } from "node:fs/promises";

globalThis.WebSocket ??= class {}; // the client wants one to exist; Node 20 has none
const { MedplumClient } = await import("@medplum/core");

const [base, file] = process.argv.slice(2);
const client = new MedplumClient({ baseUrl: `${base}/`, cdsServicesUrl: "cds-services", fetch });
const request = JSON.parse(await readFile(file, "utf-8"));
const { services } = await client.getCdsServices();
const service = services.find((one) => one.hook === request.hook);
const answer = await client.callCdsService(service.id, request);
console.log(JSON.stringify({ services: services.map((one) => one.id), answer }));
