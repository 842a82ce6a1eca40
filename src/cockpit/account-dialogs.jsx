/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Checkbox, Form, FormGroup, TextInput } from "@patternfly/react-core";

import { call } from "./bus.js";
import { ActionDialog } from "./dialogs.jsx";
import { is_password_right, no_password, PasswordFields } from "./password-fields.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function CreateDialog({ again }) {
    const [username, setUsername] = useState("");
    const [email, setEmail] = useState("");
    const [admin, setAdmin] = useState(false);
    const [approved, setApproved] = useState(true);
    const [password, setPassword] = useState(no_password);

    async function create() {
        await call("Accounts", "Create", "ssa{sv}", [username, password.one, { admin, approved, ...(email && { email }) }]);
        again();
    }

    return (
        <ActionDialog title={_("Create account")} label={_("Create")} needs="manage-accounts" act={create}
                      disabled={!username || !is_password_right(password)}>
            <Form autoComplete="off" onSubmit={event => event.preventDefault()}>
                <FormGroup label={_("Name")} fieldId="account-name" isRequired>
                    <TextInput id="account-name" value={username} isRequired onChange={(_event, value) => setUsername(value)} />
                </FormGroup>
                <FormGroup label={_("E-mail address")} fieldId="account-email">
                    <TextInput id="account-email" type="email" value={email} onChange={(_event, value) => setEmail(value)} />
                </FormGroup>
                <PasswordFields password={password} change={setPassword} />
                <Checkbox id="account-approved" label={_("Approved: may sign in")} isChecked={approved} onChange={(_event, value) => setApproved(value)} />
                <Checkbox id="account-admin" label={_("Administrator of the application")} isChecked={admin} onChange={(_event, value) => setAdmin(value)} />
            </Form>
        </ActionDialog>
    );
}

export function PasswordDialog({ account }) {
    const [password, setPassword] = useState(no_password);
    return (
        <ActionDialog title={cockpit.format(_("Set the password of $0"), account.Username)} label={_("Set password")} needs="manage-accounts"
                      disabled={!is_password_right(password)}
                      act={() => call("Accounts", "SetPassword", "ss", [account.Username, password.one]).then(() => null)}>
            <Form autoComplete="off" onSubmit={event => event.preventDefault()}><PasswordFields password={password} change={setPassword} /></Form>
        </ActionDialog>
    );
}

const consequences = () => ({
    SetApproved: { true: _("It may then sign in.") },
    SetEnabled: {
        true: _("It may then sign in again, and its failed attempts are forgotten."),
        false: _("It can't sign in any more. Nothing of it is deleted."),
    },
    SetAdmin: {
        true: _("It may then do everything in the application."),
        false: _("It keeps its account, without the rights of an administrator."),
    },
});

export function SwitchDialog({ account, method, value, label, again }) {
    return (
        <ActionDialog title={account.Username} label={label} danger={!value} needs="manage-accounts"
                      act={() => call("Accounts", method, "sb", [account.Username, value]).then(() => { again() })}>
            {consequences()[method][value]}
        </ActionDialog>
    );
}

export function DeleteDialog({ account, again }) {
    return (
        <ActionDialog title={cockpit.format(_("Delete $0?"), account.Username)} label={_("Delete")} danger needs="manage-accounts"
                      act={() => call("Accounts", "Delete", "s", [account.Username]).then(() => { again() })}>
            {_("The account goes for good. One that rows of other tables refer to is not deleted; disable it instead.")}
        </ActionDialog>
    );
}
