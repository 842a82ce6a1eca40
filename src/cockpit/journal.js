/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The service's entries in the journal, through journalctl as Cockpit's own pages read it. */

const cockpit = window.cockpit;
const UNIT = "_SYSTEMD_UNIT=oracxpredd.service";
const WARNING = 4;
const SEVERITIES = ["critical", "critical", "critical", "error", "warning", "info", "info", "info"];

function text(value) {
    return Array.isArray(value) ? new TextDecoder().decode(new Uint8Array(value)) : value || "";
}

/* Events, and what else is at least a warning; the rest is how the service went along. */
function entry(line) {
    const fields = JSON.parse(line);
    const priority = Number(fields.PRIORITY ?? 6);
    if (!fields.MESSAGE_ID && priority > WARNING)
        return null;
    return {
        key: fields.__CURSOR,
        usec: Number(fields.__REALTIME_TIMESTAMP),
        severity: SEVERITIES[priority],
        source: "journal",
        uid: fields.ORACXPRED_CALLER_UID,
        text: text(fields.MESSAGE),
        fault: fields.ORACXPRED_FAULT,
        message_id: fields.MESSAGE_ID,
        fields,
    };
}

function entries(output) {
    return output.split("\n").filter(line => line).map(entry).filter(found => found);
}

const seconds = usec => "@" + (usec / 1000000).toFixed(6);

/* A page of entries, newest first, and whether there are more. */
export async function read_journal({ since, until, limit }) {
    const output = await cockpit.spawn([
        "journalctl", "--quiet", "--no-pager", "--output=json", "--reverse", "--lines=" + limit,
        ...(since ? ["--since=" + seconds(since)] : []), ...(until ? ["--until=" + seconds(until)] : []), UNIT,
    ], { superuser: "try", err: "message" });
    const lines = output.split("\n").filter(line => line);
    const oldest = lines.length > 0 ? Number(JSON.parse(lines[lines.length - 1]).__REALTIME_TIMESTAMP) : 0;
    return { entries: entries(output), oldest, more: lines.length === limit };
}

/* Tells of what comes, until the function that is returned is called. */
export function follow_journal(told) {
    let rest = "";
    const process = cockpit.spawn(["journalctl", "--quiet", "--follow", "--output=json", "--lines=0", UNIT], { superuser: "try", err: "ignore" });
    process.stream(data => {
        const lines = (rest + data).split("\n");
        rest = lines.pop();
        const found = entries(lines.join("\n"));
        if (found.length > 0)
            told(found);
    });
    process.catch(() => {});
    return () => process.close();
}

/* What the catalogue says an event means, and what to do about it. */
export async function explain({ message_id, fields }) {
    const output = await cockpit.spawn(["journalctl", "--quiet", "--dump-catalog", message_id], { err: "message" });
    const [, ...paragraphs] = output.split("\n\n");
    return paragraphs.map(paragraph => paragraph.replace(/@(\w+)@/g, (_match, name) => text(fields[name])).replace(/\n/g, " ").trim()).filter(found => found);
}
