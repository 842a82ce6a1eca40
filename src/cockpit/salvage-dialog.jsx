/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Alert, Spinner, Stack } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { call } from "./bus.js";
import { ActionDialog, FaultAlert } from "./dialogs.jsx";
import { number } from "./format.jsx";
import { usePlan } from "./restore-dialog.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

function Found({ tables }) {
    return (
        <Table variant="compact" aria-label={_("Rows that only the quarantine has")} gridBreakPoint="">
            <Thead>
                <Tr>
                    <Th>{_("Table")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Can come back")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Refused")}</Th>
                    <Th className="numbers" modifier="wrap">{_("There otherwise")}</Th>
                </Tr>
            </Thead>
            <Tbody>
                {tables.map(([name, free, refused, different]) =>
                    <Tr key={name}>
                        <Td className="breaks">{name}</Td>
                        <Td className="numbers">{number(free)}</Td>
                        <Td className="numbers">{number(refused)}</Td>
                        <Td className="numbers">{number(different)}</Td>
                    </Tr>)}
            </Tbody>
        </Table>
    );
}

export function SalvageDialog({ name }) {
    const [found, error] = usePlan(() => call("Manager", "Salvage", "sa{sv}", [name, {}]).then(([, tables]) => tables));
    const [merged, setMerged] = useState(false);
    const rows = (found || []).reduce((sum, [, free]) => sum + free, 0);

    async function merge() {
        const [, , saved_as] = await call("Manager", "Salvage", "sa{sv}", [name, { merge: true }]);
        setMerged(true);
        return (
            <Alert component="p" isInline variant="success" title={_("The rows are back in the database")}>
                <span className="breaks">{saved_as && cockpit.format(_("What was there before is the backup $0."), saved_as)}</span>
            </Alert>
        );
    }

    return (
        <ActionDialog title={_("Rows that only the quarantine has")} wide needs="restore" act={merge} disabled={!found || merged}
                      label={rows > 0 ? cockpit.format(cockpit.ngettext("Bring $0 row back", "Bring $0 rows back", rows), number(rows)) : null}>
            <FaultAlert error={error} />
            {!found && !error && <Spinner size="lg" aria-label={_("Looking through copies")} />}
            {found &&
                <Stack hasGutter>
                    <p>{rows > 0 ? _("Rows whose place in the database is free can come back. What is in the database stays as it is, and a backup is taken first.") : _("There is no row that could come back.")}</p>
                    {found.length > 0 && <Found tables={found} />}
                </Stack>}
        </ActionDialog>
    );
}
