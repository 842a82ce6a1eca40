/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The databases that restores and repairs put aside. */

import { useEffect, useState } from "react";

import { Card, CardBody, CardTitle, Checkbox, Content } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { call } from "./bus.js";
import { ActionDialog, FaultAlert, useDialogs, useReason } from "./dialogs.jsx";
import { bytes, number, When } from "./format.jsx";
import { RowActions, row_action } from "./row-actions.jsx";
import { SalvageDialog } from "./salvage-dialog.jsx";
import { run, useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const CHANGING = ["restore", "undo", "repair", "check", "salvage", "delete-quarantine"];

/* Asked for anew after each job that may have changed it. */
function useQuarantine() {
    const { ended } = useService();
    const [incidents, setIncidents] = useState([]);
    const [error, setError] = useState(null);
    const last = ended.find(({ operation }) => CHANGING.includes(operation))?.id;
    useEffect(() => {
        call("Manager", "ListQuarantine").then(([found]) => { setIncidents(found); setError(null) }, setError);
    }, [last]);
    return [incidents, error];
}

function DeleteDialog({ incident: [name, , , worth, , undoable] }) {
    const [sure, setSure] = useState(false);
    const needs_force = worth !== "spent" || undoable;
    return (
        <ActionDialog title={cockpit.format(_("Delete $0 from the quarantine?"), name)} label={_("Delete")} danger needs="delete"
                      disabled={needs_force && !sure}
                      act={() => run("DeleteQuarantine", "sa{sv}", [name, needs_force ? { force: true } : {}]).then(() => null)}>
            <Content component="p">{_("It goes for good.")}</Content>
            {needs_force &&
                <Checkbox id="quarantine-sure" isChecked={sure} onChange={(_event, value) => setSure(value)}
                          label={undoable ? _("Yes, although the last restore can't be undone then") : _("Yes, although it may hold rows that are nowhere else")} />}
        </ActionDialog>
    );
}

function Incident({ incident }) {
    const show = useDialogs();
    const restore_reason = useReason("restore");
    const delete_reason = useReason("delete");
    const [name, when, size, worth, rescued_into, undoable, rescued, lost, perhaps] = incident;
    return (
        <Tr>
            <Td dataLabel={_("Name")} className="breaks">
                {name}
                {undoable && <div><small>{_("an undo would bring it back")}</small></div>}
                {rescued_into && <div><small>{cockpit.format(_("rescued into $0"), rescued_into)}</small></div>}
            </Td>
            <Td dataLabel={_("Put aside")}><When usec={when} /></Td>
            <Td dataLabel={_("Size")} className="numbers">{bytes(size)}</Td>
            <Td dataLabel={_("Rescued")} className="numbers">{number(rescued)}</Td>
            <Td dataLabel={_("Lost")} className="numbers">
                {number(lost)}{perhaps > 0 && " " + cockpit.format(_("(perhaps $0 more)"), number(perhaps))}
            </Td>
            <Td dataLabel={_("Worth")}>{word("worth", worth)}</Td>
            <Td isActionCell>
                <RowActions label={cockpit.format(_("Actions on $0"), name)} items={[
                    row_action(_("Look for rows…"), restore_reason, () => show(<SalvageDialog name={name} />)),
                    row_action(_("Delete…"), delete_reason, () => show(<DeleteDialog incident={incident} />)),
                ]} />
            </Td>
        </Tr>
    );
}

export function QuarantineCard() {
    const [incidents, error] = useQuarantine();
    if (incidents.length === 0 && !error)
        return null;
    return (
        <Card isCompact id="quarantine">
            <CardTitle component="h2">{_("Quarantine")}</CardTitle>
            <CardBody>
                <FaultAlert error={error} />
                <Table variant="compact" aria-label={_("Quarantine")} gridBreakPoint="grid-md">
                    <Thead>
                        <Tr>
                            <Th>{_("Name")}</Th>
                            <Th>{_("Put aside")}</Th>
                            <Th className="numbers" modifier="wrap">{_("Size")}</Th>
                            <Th className="numbers" modifier="wrap">{_("Rescued")}</Th>
                            <Th className="numbers" modifier="wrap">{_("Lost")}</Th>
                            <Th>{_("Worth")}</Th>
                            <Th screenReaderText={_("Actions")} />
                        </Tr>
                    </Thead>
                    <Tbody>{incidents.map(incident => <Incident key={incident[0]} incident={incident} />)}</Tbody>
                </Table>
            </CardBody>
        </Card>
    );
}
