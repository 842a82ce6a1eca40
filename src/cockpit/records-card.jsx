/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Button, Card, CardBody, CardFooter, CardTitle, EmptyState } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { number, signed, When } from "./format.jsx";
import { useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const SHOWN = 12;

export function RecordsCard() {
    const { manager } = useService();
    const [all, setAll] = useState(false);
    /* The largest first: those that are empty tell least. */
    const tables = [...(manager.Tables || [])].sort(([, a], [, b]) => b - a);
    const changes = new Map(manager.TableChanges || []);
    return (
        <Card isCompact id="records-card">
            <CardTitle component="h2">{_("Records")}</CardTitle>
            <CardBody>
                {tables.length === 0
                    ? <EmptyState headingLevel="h3" titleText={_("No tables")} variant="xs" />
                    : <Table variant="compact" borders={false} aria-label={_("Rows of each table")} gridBreakPoint="">
                        <Thead>
                            <Tr>
                                <Th>{_("Table")}</Th>
                                <Th className="numbers">{_("Rows")}</Th>
                                <Th className="numbers" modifier="wrap">{_("Since the last backup")}</Th>
                            </Tr>
                        </Thead>
                        <Tbody>
                            {tables.slice(0, all ? undefined : SHOWN).map(([name, rows]) =>
                                <Tr key={name}>
                                    <Td className="breaks">{name}</Td>
                                    <Td className="numbers">{number(rows)}</Td>
                                    <Td className="numbers">{changes.has(name) ? signed(changes.get(name)) : "–"}</Td>
                                </Tr>)}
                        </Tbody>
                    </Table>}
            </CardBody>
            <CardFooter>
                {tables.length > SHOWN &&
                    <Button variant="link" isInline onClick={() => setAll(!all)}>
                        {all ? _("Show fewer") : cockpit.format(cockpit.ngettext("Show $0 more", "Show $0 more", tables.length - SHOWN), number(tables.length - SHOWN))}
                    </Button>}
                {" "}<small>{_("Counted")} <When usec={manager.TablesCountedUSec} /></small>
            </CardFooter>
        </Card>
    );
}
