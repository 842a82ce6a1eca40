/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service did to the database by itself, with the rows that it cost, until somebody has seen it. */

import { Card, CardBody, CardFooter, CardTitle, Stack, StackItem } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { call } from "./bus.js";
import { Action, ActionDialog, useDialogs } from "./dialogs.jsx";
import { number, When } from "./format.jsx";
import { SalvageDialog } from "./salvage-dialog.jsx";
import { useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

function Losses({ tables }) {
    return (
        <Table variant="compact" aria-label={_("Rows lost per table")} gridBreakPoint="">
            <Thead>
                <Tr>
                    <Th>{_("Table")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Lost")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Rescued")}</Th>
                    <Th>{_("Known")}</Th>
                </Tr>
            </Thead>
            <Tbody>
                {tables.map(([name, lost, rescued, certainty]) =>
                    <Tr key={name}>
                        <Td className="breaks">{name}</Td>
                        <Td className="numbers">{certainty === "unknown" ? "?" : number(lost)}</Td>
                        <Td className="numbers">{number(rescued)}</Td>
                        <Td>{word("certainty", certainty)}</Td>
                    </Tr>)}
            </Tbody>
        </Table>
    );
}

function Remedy({ remedy: [, when, kind, backup, saved_as, , objects, tables] }) {
    return (
        <Stack hasGutter>
            <p className="breaks">
                <When usec={when} />{": "}
                {kind === "restored" ? cockpit.format(_("It restored $0."), backup) : cockpit.format(_("It repaired $0."), objects.join(", "))}{" "}
                {saved_as && cockpit.format(_("What was there before is the backup $0."), saved_as)}
            </p>
            {tables.length > 0 && <Losses tables={tables} />}
        </Stack>
    );
}

function AcknowledgeDialog({ remedies }) {
    const last = Math.max(...remedies.map(([id]) => id));
    return (
        <ActionDialog title={_("Say that this was seen?")} label={_("Acknowledge")} needs="restore"
                      act={() => call("Manager", "Acknowledge", "a{sv}", [{ until: ["t", last] }]).then(() => null)}>
            {_("The page and the alerts tell it no longer. Nothing is removed by that: the quarantine stays as it is.")}
        </ActionDialog>
    );
}

export function RemediesCard() {
    const show = useDialogs();
    const { manager: { Remedies = [] } } = useService();
    if (Remedies.length === 0)
        return null;
    const folders = Remedies.map(([, , , , , folder]) => folder.split("/").pop()).filter(name => name);
    const quarantine = folders[folders.length - 1];
    return (
        <StackItem>
            <Card isCompact id="remedies">
                <CardTitle component="h2">{_("What the service did by itself")}</CardTitle>
                <CardBody>{Remedies.map(remedy => <Remedy key={remedy[0]} remedy={remedy} />)}</CardBody>
                <CardFooter>
                    <Action needs="restore" variant="primary" onClick={() => show(<AcknowledgeDialog remedies={Remedies} />)}>{_("Acknowledge…")}</Action>{" "}
                    {quarantine &&
                        <Action needs="restore" variant="secondary" onClick={() => show(<SalvageDialog name={quarantine} />)}>{_("Look for more rows…")}</Action>}
                </CardFooter>
            </Card>
        </StackItem>
    );
}
