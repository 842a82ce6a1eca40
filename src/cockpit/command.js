/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* oracxpredctl, for what takes the content of a file of the browser's machine: it comes in on its standard input. */

import { BusError, NAME } from "./bus.js";

const cockpit = window.cockpit;
const CHUNK_BYTES = 1 << 16; /* cockpit-ws takes no more than 128 KiB at once */
const AHEAD_CHUNKS = 32;
/* Exit codes of the command, as its manual has them. */
const CODES = { 12: "AccessDenied", 13: "Busy", 15: "NoSpace", 20: "Corrupt", 21: "NotADatabase", 22: "NoHealthyBackup",
    23: "KeyUnavailable", 24: "DatabaseInUse" };

/* Sends a file in pieces, never far ahead of what the other side has taken: it may be larger than the memory. A channel
 * that echoes tells how far that is, since what goes to the same bridge arrives in order. */
async function feed(channel, file, told) {
    const echo = cockpit.channel({ payload: "echo", superuser: "try" });
    let taken = 0;
    let wake = null;
    const free = () => { taken = Infinity; wake?.() };
    echo.addEventListener("message", (_event, data) => { taken = Number(data); wake?.() });
    echo.addEventListener("close", free);
    channel.addEventListener("close", free);
    for (let sent = 0, at = 0; at < file.size && channel.valid; at += CHUNK_BYTES) {
        channel.send(new Uint8Array(await file.slice(at, at + CHUNK_BYTES).arrayBuffer()));
        if (echo.valid)
            echo.send(String(++sent));
        told?.(Math.min(at + CHUNK_BYTES, file.size));
        while (sent - taken >= AHEAD_CHUNKS)
            await new Promise(resolve => { wake = resolve });
    }
    echo.close();
    if (channel.valid)
        channel.control({ command: "done" });
}

/* What the command printed; its fault is thrown. */
function run(args, file, told) {
    return new Promise((resolve, reject) => {
        const channel = cockpit.channel({
            payload: "stream", spawn: ["oracxpredctl", ...args], err: "message", superuser: "try", binary: true,
            environ: ["LC_ALL=C.UTF-8"],
        });
        const decoder = new TextDecoder();
        let output = "";
        channel.addEventListener("message", (_event, data) => { output += decoder.decode(data, { stream: true }) });
        channel.addEventListener("close", (_event, options) => {
            if (!options.problem && !options["exit-status"])
                resolve(output);
            else
                reject(new BusError(NAME + ".Error." + (CODES[options["exit-status"]] || "Failed"),
                                    (options.message || options.problem || "").trim()));
        });
        feed(channel, file, told);
    });
}

/* The plan as the bus has it: the command gives the fields of each row names, and leaves out what is not known. */
export async function plan_of_file(file, told) {
    const plan = JSON.parse(await run(["--json=short", "restore", "--from=-", "--dry-run"], file, told));
    const row = ({ Table, Now, Then }) => [Table, Now !== undefined, Now || 0, Then !== undefined, Then || 0];
    return {
        ...plan,
        Name: file.name,
        Tables: plan.Tables.map(row),
        Processes: plan.Processes.map(({ PID, Name }) => [PID, Name]),
        Rescue: [],
    };
}

function options({ force, rescue }) {
    return [...(force ? ["--force"] : []), ...(rescue ? ["--rescue"] : [])];
}

export function restore_file(file, choice, told) {
    return run(["--quiet", "restore", "--from=-", "--yes", ...options(choice)], file, told);
}

export function restore_with_identity(name, choice) {
    return run(["--quiet", "restore", "--identity=-", "--yes", ...options(choice), name], choice.identity);
}
