// What whoever installs the package writes: the declarations that it ships must hold for this.
import { type CtiError, CtiClient } from "cti-gateway-client";

const client = new CtiClient({ server: "https://cti.example", ticket: async () => "ticket_…" });
const stop: () => void = client.on("call", ({ call, gone }) => console.log(call.dtCallId.length, gone === "ended"));
const states: "connecting" | "connected" | "reconnecting" | "closed" = client.connection.state;
client.dial("+493055501901", { phoneCallId: states }).then(({ call }) => client.hangup(call), (error: CtiError) => error.code);
// @ts-expect-error there is no such event
client.on("calls", stop);
