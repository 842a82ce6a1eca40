/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Content, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput } from "@patternfly/react-core";

import { ActionDialog } from "./dialogs.jsx";
import { change_setting, DROP_IN } from "./setting-file.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function SettingDialog({ name, value, place, purpose }) {
    const [text, setText] = useState(value);
    const ours = place.includes(DROP_IN);
    const broken = /[\n\r]/.test(text);
    return (
        <ActionDialog title={cockpit.format(_("Change $0"), name)} label={_("Change")} needs="configure" disabled={broken}
                      act={() => change_setting(name, text.trim() === "" && ours ? null : text.trim())}>
            <Form onSubmit={event => event.preventDefault()}>
                <FormGroup label={name} fieldId="setting-value">
                    <TextInput id="setting-value" value={text} onChange={(_event, changed) => setText(changed)} aria-describedby="setting-help" />
                    <FormHelperText>
                        <HelperText id="setting-help">
                            <HelperTextItem>{purpose}</HelperTextItem>
                            <HelperTextItem>{_("Empty for the default. The service checks it, and a wrong value changes nothing.")}</HelperTextItem>
                        </HelperText>
                    </FormHelperText>
                </FormGroup>
                {place && <Content component="small" className="breaks">{cockpit.format(_("Now from $0"), place)}</Content>}
            </Form>
        </ActionDialog>
    );
}
