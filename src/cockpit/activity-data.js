/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The audit log and the journal as one list, newest first, read page by page from both. */

import { useCallback, useEffect, useRef, useState } from "react";

import { call, unwrap } from "./bus.js";
import { follow_journal, read_journal } from "./journal.js";
import { useService } from "./state.js";

const PAGE = 100;
const start = { audit: [], journal: [], before: 0, audit_more: false, journal_oldest: 0, journal_more: false };

function audit_entry(row) {
    let extra = {};
    try {
        extra = JSON.parse(row.extra || "{}");
    } catch {
        /* The application may have written anything. */
    }
    return { key: "audit-" + row.id, usec: row.created, severity: row.severity || "info", source: "audit", uid: extra.uid, type: row.type,
        text: row.message || row.type, extra };
}

async function read_audit({ since, until, before }) {
    const options = { limit: ["u", PAGE], ...(since && { since: ["t", since] }), ...(until && { until: ["t", until] }), ...(before && { before: ["x", before] }) };
    const [rows, next] = await call("Audit", "ListSystem", "a{sv}", [options]);
    return { rows: rows.map(row => audit_entry(unwrap(row))), next };
}

/* What is older than the last row of a source that has more is not shown yet: rows of that source may lie between. */
function merge({ audit, journal, audit_more, journal_oldest, journal_more }) {
    const oldest_audit = audit_more && audit.length > 0 ? audit[audit.length - 1].usec : 0;
    const bound = Math.max(oldest_audit, journal_more ? journal_oldest : 0);
    return [...audit, ...journal].filter(({ usec }) => usec >= bound).sort((a, b) => b.usec - a.usec);
}

export function useActivity(since, until) {
    const { ended, may, running } = useService();
    const [data, setData] = useState(start);
    const [errors, setErrors] = useState([]);
    const [loading, setLoading] = useState(true);
    const generation = useRef(0);
    const may_audit = running && may["read-logs"];
    const last = ended[0]?.ended;

    const read = useCallback(async (before) => {
        const mine = ++generation.current;
        const faults = [];
        const later = { ...before };
        setLoading(true);
        if (may_audit && (before === start || before.audit_more))
            await read_audit({ since, until, before: before.before }).then(({ rows, next }) => {
                Object.assign(later, { audit: [...before.audit, ...rows], before: next, audit_more: next !== 0 });
            }, error => faults.push(error));
        if (before === start || before.journal_more)
            await read_journal({ since, until: before.journal_more ? before.journal_oldest : until, limit: PAGE }).then(page => {
                const known = new Set(before.journal.map(({ key }) => key));
                const fresh = page.entries.filter(({ key }) => !known.has(key));
                Object.assign(later, { journal: [...before.journal, ...fresh], journal_oldest: page.oldest, journal_more: page.more });
            }, error => faults.push(error));
        if (mine !== generation.current)
            return;
        setData(later);
        setErrors(faults);
        setLoading(false);
    }, [since, until, may_audit]);

    useEffect(() => { read(start) }, [read]);

    /* A job that ends has left its row by then. */
    useEffect(() => {
        if (!last || !may_audit || until)
            return;
        read_audit({ since }).then(({ rows }) => setData(before => {
            const known = new Set(before.audit.map(({ key }) => key));
            return { ...before, audit: [...rows.filter(({ key }) => !known.has(key)), ...before.audit] };
        }), () => {});
    }, [last, may_audit, since, until]);

    useEffect(() => {
        if (until)
            return undefined;
        return follow_journal(found => setData(before => ({ ...before, journal: [...found.reverse(), ...before.journal] })));
    }, [until]);

    return { rows: merge(data), more: data.audit_more || data.journal_more, older: () => read(data), loading, errors, may_audit };
}
