/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Checkbox, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from "@patternfly/react-core";

import { call } from "./bus.js";
import { Action, ActionDialog, useDialogs } from "./dialogs.jsx";

const _ = window.cockpit.gettext;
const LABEL_BYTES_MAX = 256;

function BackupDialog() {
    const [label, setLabel] = useState("");
    const [keep, setKeep] = useState(false);
    const too_long = new TextEncoder().encode(label).length > LABEL_BYTES_MAX;

    /* The overview follows the job; the dialog need not stay for that. */
    async function take() {
        await call("Manager", "Backup", "a{sv}", [{ ...(label && { label }), ...(keep && { keep }) }]);
    }

    return (
        <ActionDialog title={_("Back up now")} label={_("Back up")} act={take} needs="backup" disabled={too_long}>
            <Form onSubmit={event => event.preventDefault()}>
                <FormGroup label={_("Label")} fieldId="backup-label">
                    <TextInput id="backup-label" value={label} onChange={(_event, value) => setLabel(value)}
                               validated={too_long ? "error" : "default"} aria-describedby="backup-label-help" />
                    <FormHelperText>
                        <HelperText id="backup-label-help">
                            <HelperTextItem variant={too_long ? "error" : "default"}>
                                {too_long ? _("A label has at most 256 bytes.") : _("Optional: why it is taken, for whoever looks for it.")}
                            </HelperTextItem>
                        </HelperText>
                    </FormHelperText>
                </FormGroup>
                <Checkbox id="backup-keep" isChecked={keep} onChange={(_event, value) => setKeep(value)}
                          label={_("Keep it until somebody releases it")}
                          description={_("Neither retention nor Delete removes it.")} />
            </Form>
        </ActionDialog>
    );
}

export function BackupButton({ variant }) {
    const show = useDialogs();
    return (
        <Action needs="backup" variant={variant} onClick={() => show(<BackupDialog />)}>{_("Back up now")}</Action>
    );
}
