/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The accounts of the application. The service says nothing when they change, so the list is read when the view opens
 * and after each change made here. */

import { useCallback, useEffect, useState } from "react";

import { Card, CardBody, EmptyState, EmptyStateBody, Label, LabelGroup, SearchInput, Stack, StackItem, Title, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { CreateDialog, DeleteDialog, PasswordDialog, SwitchDialog } from "./account-dialogs.jsx";
import { call, unwrap } from "./bus.js";
import { Action, FaultAlert, useDialogs, useReason } from "./dialogs.jsx";
import { When } from "./format.jsx";
import { RowActions, row_action } from "./row-actions.jsx";
import { useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const PAGE = 200;

function useAccounts() {
    const { may } = useService();
    const [accounts, setAccounts] = useState(null);
    const [more, setMore] = useState(false);
    const [error, setError] = useState(null);
    const allowed = may["manage-accounts"];

    const read = useCallback(async (before) => {
        try {
            const after = before.length > 0 ? before[before.length - 1].Id : 0;
            const [rows] = await call("Accounts", "List", "xu", [after, PAGE]);
            setAccounts([...before, ...rows.map(unwrap)]);
            setMore(rows.length === PAGE);
            setError(null);
        } catch (fault) {
            setError(fault);
        }
    }, []);

    useEffect(() => { if (allowed) read([]) }, [allowed, read]);
    return { accounts, more, error, again: () => read([]), next: () => read(accounts) };
}

function Marks({ account }) {
    return (
        <LabelGroup aria-label={_("Marks")} numLabels={4}>
            {account.Admin && <Label isCompact color="purple">{_("administrator")}</Label>}
            {account.Active ? <Label isCompact color="green">{_("enabled")}</Label> : <Label isCompact color="grey">{_("disabled")}</Label>}
            {!account.Approved && <Label isCompact color="orange">{_("to be approved")}</Label>}
        </LabelGroup>
    );
}

function Row({ account, again }) {
    const show = useDialogs();
    const reason = useReason("manage-accounts");
    const item = (title, dialog) => row_action(title, reason, () => show(dialog));
    const change = (title, label, method, value) => item(title, <SwitchDialog account={account} method={method} value={value} label={label} again={again} />);
    return (
        <Tr>
            <Td dataLabel={_("Name")} className="breaks">{account.Username}</Td>
            <Td dataLabel={_("Address")} className="breaks">{account.Email || "–"}</Td>
            <Td dataLabel={_("State")}><Marks account={account} /></Td>
            <Td dataLabel={_("Plan")}>{account.SubscriptionPlan || "–"}</Td>
            <Td dataLabel={_("Last sign-in")}><When usec={account.LastLoginUSec} /></Td>
            <Td isActionCell>
                <RowActions label={cockpit.format(_("Actions on $0"), account.Username)} items={[
                    ...(account.Approved ? [] : [change(_("Approve…"), _("Approve"), "SetApproved", true)]),
                    account.Active
                        ? change(_("Disable…"), _("Disable"), "SetEnabled", false)
                        : change(_("Enable…"), _("Enable"), "SetEnabled", true),
                    account.Admin
                        ? change(_("Make it no administrator…"), _("Take the right away"), "SetAdmin", false)
                        : change(_("Make it an administrator…"), _("Make it an administrator"), "SetAdmin", true),
                    item(_("Set password…"), <PasswordDialog account={account} />),
                    { isSeparator: true },
                    item(_("Delete…"), <DeleteDialog account={account} again={again} />),
                ]} />
            </Td>
        </Tr>
    );
}

export function Accounts() {
    const show = useDialogs();
    const reason = useReason("manage-accounts");
    const { accounts, more, error, again, next } = useAccounts();
    const [text, setText] = useState("");
    const shown = (accounts || []).filter(({ Username, Email }) => `${Username}\n${Email || ""}`.toLowerCase().includes(text.toLowerCase()));

    return (
        <Stack hasGutter>
            <StackItem><Title headingLevel="h1">{_("Accounts of the application")}</Title></StackItem>
            <StackItem>
                <Card isCompact><CardBody>
                    <Toolbar inset={{ default: "insetNone" }}>
                        <ToolbarContent>
                            <ToolbarItem>
                                <SearchInput aria-label={_("Name or address")} placeholder={_("Name or address")} value={text} resetButtonLabel={_("Clear")}
                                             onChange={(_event, value) => setText(value)} onClear={() => setText("")} />
                            </ToolbarItem>
                            <ToolbarItem>
                                <Action needs="manage-accounts" onClick={() => show(<CreateDialog again={again} />)}>{_("Create account…")}</Action>
                            </ToolbarItem>
                        </ToolbarContent>
                    </Toolbar>
                    <FaultAlert error={error} />
                    {reason && !accounts
                        ? <EmptyState headingLevel="h2" titleText={_("Accounts can't be shown")}><EmptyStateBody>{reason}</EmptyStateBody></EmptyState>
                        : accounts && shown.length === 0
                            ? <EmptyState headingLevel="h2" titleText={accounts.length === 0 ? _("There is no account yet") : _("No account matches")} variant="sm" />
                            : <Table variant="compact" aria-label={_("Accounts")} gridBreakPoint="grid-md">
                                <Thead>
                                    <Tr>
                                        <Th>{_("Name")}</Th><Th>{_("Address")}</Th><Th>{_("State")}</Th><Th>{_("Plan")}</Th>
                                        <Th>{_("Last sign-in")}</Th><Th screenReaderText={_("Actions")} />
                                    </Tr>
                                </Thead>
                                <Tbody>{shown.map(account => <Row key={account.Id} account={account} again={again} />)}</Tbody>
                            </Table>}
                    {more && <Action needs="manage-accounts" variant="link" onClick={next}>{_("Show more")}</Action>}
                </CardBody></Card>
            </StackItem>
        </Stack>
    );
}
