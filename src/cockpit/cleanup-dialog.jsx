/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Content, ExpandableSection, Spinner } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { call } from "./bus.js";
import { ActionDialog, FaultAlert } from "./dialogs.jsx";
import { number } from "./format.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const SHOWN_MAX = 200;

function Decisions({ decisions, label }) {
    return (
        <>
            <Table variant="compact" aria-label={label}>
                <Thead><Tr><Th>{_("Backup")}</Th><Th>{_("Why")}</Th></Tr></Thead>
                <Tbody>
                    {decisions.slice(0, SHOWN_MAX).map(([name, , reason]) =>
                        <Tr key={name}>
                            <Td dataLabel={_("Backup")} className="breaks">{name}</Td>
                            <Td dataLabel={_("Why")} lang="en">{reason}</Td>
                        </Tr>)}
                </Tbody>
            </Table>
            {decisions.length > SHOWN_MAX &&
                <p>{cockpit.format(cockpit.ngettext("and $0 more", "and $0 more", decisions.length - SHOWN_MAX), number(decisions.length - SHOWN_MAX))}</p>}
        </>
    );
}

function removed(count) {
    return cockpit.format(cockpit.ngettext("$0 backup was removed.", "$0 backups were removed.", count), number(count));
}

export function CleanupDialog() {
    const [plan, setPlan] = useState(null);
    const [error, setError] = useState(null);
    const drops = (plan || []).filter(([, verdict]) => verdict === "drop");
    const keeps = (plan || []).filter(([, verdict]) => verdict !== "drop");

    useEffect(() => {
        call("Manager", "Cleanup", "a{sv}", [{ "dry-run": true }]).then(([decisions]) => setPlan(decisions), setError);
    }, []);

    async function clean() {
        const [decisions] = await call("Manager", "Cleanup", "a{sv}", [{}]);
        return <p>{removed(decisions.filter(([, verdict]) => verdict === "drop").length)}</p>;
    }

    return (
        <ActionDialog title={_("Clean up")} danger={drops.length > 0} wide needs="delete" act={clean} disabled={!plan}
                      label={drops.length > 0
                          ? cockpit.format(cockpit.ngettext("Remove $0 backup", "Remove $0 backups", drops.length), number(drops.length))
                          : plan ? null : _("Remove")}>
            <FaultAlert error={error} />
            {!plan && !error && <Spinner size="lg" aria-label={_("Loading")} />}
            {plan &&
                <Content>
                    <Content component="p">
                        {drops.length === 0
                            ? _("Retention drops nothing now.")
                            : cockpit.format(cockpit.ngettext("Retention drops $0 backup:", "Retention drops $0 backups:", drops.length), number(drops.length))}
                    </Content>
                    {drops.length > 0 && <Decisions decisions={drops} label={_("Backups that go")} />}
                    {keeps.length > 0 &&
                        <ExpandableSection toggleText={cockpit.format(cockpit.ngettext("$0 backup stays", "$0 backups stay", keeps.length), number(keeps.length))}>
                            <Decisions decisions={keeps} label={_("Backups that stay")} />
                        </ExpandableSection>}
                </Content>}
        </ActionDialog>
    );
}
