/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Label, Stack } from "@patternfly/react-core";
import { CheckCircleIcon, ExclamationCircleIcon, ExclamationTriangleIcon, InfoCircleIcon } from "@patternfly/react-icons";
import { ExpandableRowContent, Tbody, Td, Tr } from "@patternfly/react-table";

import { Fact, Facts } from "./facts.jsx";
import { absolute, When } from "./format.jsx";
import { explain } from "./journal.js";
import { ServiceText } from "./service-text.jsx";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const COLUMNS = 6;
const NOBODY = 4294967295;

const looks = {
    info: ["grey", InfoCircleIcon],
    warning: ["orange", ExclamationTriangleIcon],
    error: ["red", ExclamationCircleIcon],
    critical: ["red", ExclamationCircleIcon],
};

function Severity({ severity, done }) {
    const [color, Icon] = done ? ["green", CheckCircleIcon] : looks[severity] || looks.info;
    return <Label isCompact color={color} icon={<Icon />}>{word("severity", severity)}</Label>;
}

/* Names by uid; the page knows its own user, and root is root everywhere. */
function user(uid) {
    if (uid === undefined || Number(uid) === NOBODY)
        return _("the service");
    return Number(uid) === 0 ? "root" : String(uid);
}

function Details({ row }) {
    const [advice, setAdvice] = useState([]);
    useEffect(() => {
        if (row.message_id)
            explain(row).then(setAdvice, () => {});
    }, [row]);
    const fault = row.fault || row.extra?.fault || row.extra?.error;
    return (
        <Stack hasGutter>
            <Facts>
                <Fact term={_("When")}>{absolute(row.usec)}</Fact>
                {row.type && <Fact term={_("Type")}>{row.type}</Fact>}
                {fault && <Fact term={_("Fault")}>{word("error", fault.split(".").pop())}</Fact>}
                {Object.entries(row.extra || {}).map(([key, value]) =>
                    <Fact key={key} term={key}><span className="breaks">{typeof value === "object" ? JSON.stringify(value) : String(value)}</span></Fact>)}
            </Facts>
            <div lang="en">{advice.map(paragraph => <p key={paragraph}><ServiceText text={paragraph} /></p>)}</div>
        </Stack>
    );
}

export function ActivityRow({ row, open, toggle }) {
    return (
        <Tbody isExpanded={open}>
            <Tr isContentExpanded={open}>
                <Td expand={{ rowIndex: 0, isExpanded: open, onToggle: toggle, expandId: row.key + "-" }} aria-label={_("Details")} />
                <Td dataLabel={_("When")} modifier="nowrap"><When usec={row.usec} /></Td>
                <Td dataLabel={_("Severity")}><Severity severity={row.severity} done={row.extra?.outcome === "done"} /></Td>
                <Td dataLabel={_("User")}>{user(row.uid)}</Td>
                <Td dataLabel={_("Source")} modifier="nowrap">{row.source === "audit" ? _("audit log") : _("journal")}</Td>
                <Td dataLabel={_("What")} className="breaks" lang="en"><ServiceText text={row.text} /></Td>
            </Tr>
            {open &&
                <Tr isExpanded>
                    <Td colSpan={COLUMNS}><ExpandableRowContent><Details row={row} /></ExpandableRowContent></Td>
                </Tr>}
        </Tbody>
    );
}
