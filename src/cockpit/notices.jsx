/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What somebody asked for and ended while the page is open: a line that goes by itself. What the service does unasked
 * is told by its health. */

import { useEffect, useRef, useState } from "react";

import { Alert, AlertActionCloseButton, AlertGroup } from "@patternfly/react-core";

import { landmark } from "./landmark.js";
import { useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const SHOWN_MS = 8000;
const FAILED_MS = 30000;
const SHOWN_MAX = 3;
const NOBODY = 4294967295; /* the service itself */
const QUIET = ["startup", "keep", "unkeep"]; /* the row shows it */

export function Notices() {
    const { ended } = useService();
    const seen = useRef(0);
    const [shown, setShown] = useState([]);

    useEffect(() => {
        const fresh = ended.filter(job => job.ended > seen.current && job.CallerUID !== NOBODY && (!QUIET.includes(job.operation) || job.result === "failed"));
        if (ended.length > 0)
            seen.current = ended[0].ended;
        /* Of many that went the same way the latest is enough. */
        const is_told = (job, index, all) => job.result === "failed" ||
            all.findIndex(other => other.operation === job.operation && other.result === job.result) === index;
        if (fresh.length > 0)
            setShown(before => [...fresh, ...before].filter(is_told).slice(0, SHOWN_MAX));
    }, [ended]);

    const close = job => setShown(before => before.filter(other => other !== job));
    const title = job => cockpit.format(_("$0: $1"), word("operation", job.operation), word("job", job.result));
    return (
        <AlertGroup isToast isLiveRegion appendTo={landmark} aria-label={_("What ended")}>
            {shown.map(job =>
                <Alert component="p" key={job.id + "-" + job.ended} title={title(job)}
                       variant={{ done: "success", failed: "danger" }[job.result] || "info"}
                       timeout={job.result === "failed" ? FAILED_MS : SHOWN_MS} onTimeout={() => close(job)}
                       actionClose={<AlertActionCloseButton onClose={() => close(job)} />}>
                    {job.result === "failed" && <span className="breaks">{job.message}</span>}
                </Alert>)}
        </AlertGroup>
    );
}
