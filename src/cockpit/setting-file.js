/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes a setting as an administrator would: a drop-in, read after the file itself, and a reload, which checks it as
 * the service does. What the service does not take is taken back. */

import { call } from "./bus.js";

const cockpit = window.cockpit;

export const DROP_IN = "/etc/oracxpred/oracxpred.conf.d/90-cockpit.conf";
const HEADER = "# Written by the page in Cockpit.\n[Persistence]\n";

/* The lines with this setting once, or not at all. Lists add up over lines: an empty one takes back what came before. */
export function with_setting(content, name, value) {
    const lines = (content || HEADER).split("\n").filter(line => line && !line.startsWith(name + "="));
    if (value !== null)
        lines.push(name + "=", ...(value ? [name + "=" + value] : []));
    return lines.join("\n") + "\n";
}

async function replace(file, content) {
    await file.replace(content && content !== HEADER ? content : null);
}

/* A null value leaves the setting to the other files. */
export async function change_setting(name, value) {
    const file = cockpit.file(DROP_IN, { superuser: "require" });
    try {
        const before = await file.read();
        if (value !== null || before)
            await cockpit.spawn(["mkdir", "-p", DROP_IN.slice(0, DROP_IN.lastIndexOf("/"))], { superuser: "require", err: "message" });
        await replace(file, with_setting(before, name, value));
        try {
            await call("Manager", "Reload");
        } catch (error) {
            /* Another line that was wrong before is not this one's fault. */
            if (!error.message.includes(DROP_IN))
                return;
            await replace(file, before);
            await call("Manager", "Reload").catch(() => {});
            throw error;
        }
    } finally {
        file.close();
    }
}
