/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has the browser save what a channel of Cockpit brings: the bytes go straight into the file, none stays in the page. */

import { get_all } from "./bus.js";

const cockpit = window.cockpit;

function save(name, options) {
    const channel = {
        ...options,
        binary: "raw",
        superuser: "try",
        external: {
            "content-disposition": `attachment; filename="${encodeURIComponent(name)}"`,
            "content-type": "application/octet-stream",
        },
    };
    const prefix = new URL(cockpit.transport.uri("channel/" + cockpit.transport.csrf_token)).pathname;
    const frame = document.createElement("iframe");
    frame.src = prefix + "?" + window.btoa(JSON.stringify(channel));
    frame.hidden = true;
    frame.title = name;
    document.body.append(frame);
}

export async function download_backup(path, directory) {
    const { File, StoredBytes } = await get_all(path, "Backup");
    save(File.split("/").pop(), { payload: "fsread1", path: directory + "/" + File, max_read_size: StoredBytes + 1 });
}

export function download_export(redact) {
    const day = new Date().toISOString().slice(0, 10);
    const spawn = ["oracxpredctl", "--quiet", "export", ...(redact ? ["--redact"] : []), "-"];
    save(`oracxpred-${day}.json`, { payload: "stream", spawn, err: "ignore" });
}
