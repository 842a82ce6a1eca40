/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a restore would do, before anybody says yes to it. */

import { Alert, Stack } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { Fact, Facts } from "./facts.jsx";
import { bytes, number, signed, When } from "./format.jsx";
import { ServiceText } from "./service-text.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

/* Rows that go, and rows that come, over all tables where both sides are known; and whether that is all of them. */
export function totals(plan) {
    let lost = 0;
    let gained = 0;
    let known = !plan.CurrentProblem;
    for (const [, now_known, now, then_known, then] of plan.Tables || []) {
        if (!now_known || !then_known) {
            known = false;
            continue;
        }
        lost += Math.max(now - then, 0);
        gained += Math.max(then - now, 0);
    }
    return { lost, gained, known };
}

/* What a rescue would still lose; undefined where nobody worked that out. */
export function rescue_loss(plan) {
    return plan.Rescue?.length > 0 ? plan.Rescue.reduce((sum, [, , , , lost]) => sum + lost, 0) : undefined;
}

function Sum({ plan }) {
    const { lost, gained, known } = totals(plan);
    const after_rescue = rescue_loss(plan);
    if (known)
        return (
            <p>
                {cockpit.format(cockpit.ngettext("$0 record is lost,", "$0 records are lost,", lost), number(lost))}{" "}
                {cockpit.format(cockpit.ngettext("$0 comes back.", "$0 come back.", gained), number(gained))}
            </p>
        );
    return (
        <p>
            <strong>{_("How many records are lost can't be counted: all that came after the backup, without a rescue.")}</strong>{" "}
            {after_rescue !== undefined &&
                cockpit.format(cockpit.ngettext("With a rescue about $0 record is lost.", "With a rescue about $0 records are lost.", after_rescue), number(after_rescue))}
        </p>
    );
}

function Change({ row: [, now_known, now, then_known, then] }) {
    if (!now_known || !then_known)
        return _("unknown");
    if (then === now)
        return "–";
    return <strong>{signed(then - now)}</strong>;
}

function Tables({ tables }) {
    const changed = ([, now_known, now, then_known, then]) => !now_known || !then_known || now !== then;
    const order = [...tables.filter(changed), ...tables.filter(row => !changed(row))];
    return (
        <Table variant="compact" aria-label={_("Records per table")} gridBreakPoint="">
            <Thead>
                <Tr>
                    <Th>{_("Table")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Now")}</Th>
                    <Th className="numbers" modifier="wrap">{_("After")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Change")}</Th>
                </Tr>
            </Thead>
            <Tbody>
                {order.map(row =>
                    <Tr key={row[0]}>
                        <Td className="breaks">{row[0]}</Td>
                        <Td className="numbers">{row[1] ? number(row[2]) : _("unknown")}</Td>
                        <Td className="numbers">{row[3] ? number(row[4]) : _("unknown")}</Td>
                        <Td className="numbers"><Change row={row} /></Td>
                    </Tr>)}
            </Tbody>
        </Table>
    );
}

export function RescueTable({ rows }) {
    return (
        <Table variant="compact" aria-label={_("What a rescue would bring")} gridBreakPoint="">
            <Thead>
                <Tr>
                    <Th>{_("Table")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Rescued")}</Th>
                    <Th className="numbers" modifier="wrap">{_("From the backup")}</Th>
                    <Th className="numbers" modifier="wrap">{_("Lost")}</Th>
                </Tr>
            </Thead>
            <Tbody>
                {rows.map(([name, , rescued, from_backup, lost]) =>
                    <Tr key={name}>
                        <Td className="breaks">{name}</Td>
                        <Td className="numbers">{number(rescued)}</Td>
                        <Td className="numbers">{number(from_backup)}</Td>
                        <Td className="numbers">{number(lost)}</Td>
                    </Tr>)}
            </Tbody>
        </Table>
    );
}

function method(plan) {
    return plan.Method === "in-place"
        ? _("Into the database as it stands; programs stay connected.")
        : _("The file is replaced by another one.");
}

export function Plan({ plan }) {
    const short = plan.FreeBytes < plan.NeededBytes;
    return (
        <Stack hasGutter>
            {plan.NeedsDecision && <Alert component="p" isInline variant="warning" title={_("An automatic restore waits for your decision")}><span lang="en" className="breaks"><ServiceText text={plan.NeedsDecision} /></span></Alert>}
            {plan.CurrentProblem && <Alert component="p" isInline variant="warning" title={_("The database can't be read")}><span lang="en" className="breaks"><ServiceText text={plan.CurrentProblem} /></span></Alert>}
            {plan.Refused && <Alert component="p" isInline variant="danger" title={_("This would be refused")}><span lang="en" className="breaks"><ServiceText text={plan.Refused} /></span></Alert>}
            {short && <Alert component="p" isInline variant="danger" title={_("The disk has not enough room")} />}
            <Sum plan={plan} />
            <Facts width="10rem">
                <Fact term={_("From")}><span className="breaks">{plan.Name}</span> (<When usec={plan.CreatedUSec} />)</Fact>
                <Fact term={_("How")}>{method(plan)}</Fact>
                {plan.StopsUnits && plan.Units?.length > 0 &&
                    <Fact term={_("Stopped meanwhile")}>{plan.Units.join(", ")}</Fact>}
                <Fact term={_("Open in")}>
                    {plan.Processes?.length > 0
                        ? plan.Processes.map(([pid, name]) => `${name} (${pid})`).join(", ")
                        : _("no other program")}
                </Fact>
                <Fact term={_("Room")}>{cockpit.format(_("needs $0, $1 is free"), bytes(plan.NeededBytes), bytes(plan.FreeBytes))}</Fact>
                <Fact term={_("What is replaced")}>
                    <span className="breaks">
                        {plan.SavesAs
                            ? cockpit.format(_("is kept as the backup $0"), plan.SavesAs)
                            : cockpit.format(_("is put aside in the quarantine $0"), plan.Quarantine || "")}
                    </span>
                </Fact>
            </Facts>
            {plan.Rescue?.length > 0 && <RescueTable rows={plan.Rescue} />}
            {plan.Tables?.length > 0 && <Tables tables={plan.Tables} />}
        </Stack>
    );
}
