/* SPDX-License-Identifier: LGPL-2.1-or-later */
import {
    FormSelect, FormSelectOption, SearchInput, Toolbar, ToolbarContent, ToolbarGroup, ToolbarItem
} from "@patternfly/react-core";

import { BackupButton } from "./backup-dialog.jsx";
import { CleanupDialog } from "./cleanup-dialog.jsx";
import { Action, useDialogs } from "./dialogs.jsx";
import { RestoreFileDialog } from "./restore-file-dialog.jsx";
import { VerifyAllDialog } from "./verify-all-dialog.jsx";
import { word } from "./words.js";

const _ = window.cockpit.gettext;
const KINDS = ["initial", "automatic", "manual", "pre-restore", "imported"];

export const nothing_filtered = { text: "", kind: "", state: "" };

const states = {
    verified: backup => backup.VerifiedUSec > 0 && !backup.VerificationFault && !backup.Problem,
    unverified: backup => backup.VerifiedUSec === 0 && !backup.VerificationFault && !backup.Problem,
    faulty: backup => backup.VerificationFault || backup.Problem,
    kept: backup => backup.Kept,
    encrypted: backup => backup.Encrypted,
    other: backup => backup.OtherDatabase,
};

export function passes(backup, { text, kind, state }) {
    return (!kind || backup.Kind === kind) && (!state || states[state](backup)) &&
        (!text || (backup.Name + "\n" + backup.Label).toLowerCase().includes(text.toLowerCase()));
}

export function BackupsToolbar({ filter, setFilter, pagination }) {
    const show = useDialogs();
    const change = part => (_event, value) => setFilter({ ...filter, [part]: value });
    return (
        <Toolbar inset={{ default: "insetNone" }}>
            <ToolbarContent>
                <ToolbarGroup variant="filter-group">
                    <ToolbarItem>
                        <SearchInput aria-label={_("Name or label")} placeholder={_("Name or label")} value={filter.text}
                                     resetButtonLabel={_("Clear")}
                                     onChange={change("text")} onClear={() => setFilter({ ...filter, text: "" })} />
                    </ToolbarItem>
                    <ToolbarItem>
                        <FormSelect aria-label={_("Kind")} value={filter.kind} onChange={change("kind")}>
                            <FormSelectOption value="" label={_("All kinds")} />
                            {KINDS.map(kind => <FormSelectOption key={kind} value={kind} label={word("kind", kind)} />)}
                        </FormSelect>
                    </ToolbarItem>
                    <ToolbarItem>
                        <FormSelect aria-label={_("State")} value={filter.state} onChange={change("state")}>
                            <FormSelectOption value="" label={_("All states")} />
                            <FormSelectOption value="verified" label={_("verified")} />
                            <FormSelectOption value="unverified" label={_("not verified")} />
                            <FormSelectOption value="faulty" label={_("faulty")} />
                            <FormSelectOption value="kept" label={_("kept")} />
                            <FormSelectOption value="encrypted" label={_("encrypted")} />
                            <FormSelectOption value="other" label={_("of another database")} />
                        </FormSelect>
                    </ToolbarItem>
                </ToolbarGroup>
                <ToolbarGroup variant="action-group">
                    <ToolbarItem><BackupButton variant="primary" /></ToolbarItem>
                    <ToolbarItem>
                        <Action needs="verify" variant="secondary" onClick={() => show(<VerifyAllDialog />)}>{_("Verify all…")}</Action>
                    </ToolbarItem>
                    <ToolbarItem>
                        <Action needs="delete" variant="secondary" onClick={() => show(<CleanupDialog />)}>{_("Clean up…")}</Action>
                    </ToolbarItem>
                    <ToolbarItem>
                        <Action needs="restore" variant="secondary" onClick={() => show(<RestoreFileDialog />)}>
                            {_("Restore from a file…")}
                        </Action>
                    </ToolbarItem>
                </ToolbarGroup>
                <ToolbarItem variant="pagination">{pagination}</ToolbarItem>
            </ToolbarContent>
        </Toolbar>
    );
}
