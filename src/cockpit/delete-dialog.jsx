/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Content } from "@patternfly/react-core";

import { call } from "./bus.js";
import { ActionDialog } from "./dialogs.jsx";
import { absolute } from "./format.jsx";
import { run } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

/* What retention would do by itself, as its own plan says. */
function useDecision(name) {
    const [decision, setDecision] = useState(null);
    useEffect(() => {
        call("Manager", "Cleanup", "a{sv}", [{ "dry-run": true }]).then(
            ([decisions]) => setDecision(decisions.find(([other]) => other === name) || []),
            () => setDecision([]));
    }, [name]);
    return decision;
}

export function DeleteDialog({ backup }) {
    const decision = useDecision(backup.Name);
    const [, verdict, reason] = decision || [];
    return (
        <ActionDialog title={cockpit.format(_("Delete $0?"), backup.Name)} label={_("Delete")} danger needs="delete"
                      act={() => run("Delete", "a{sv}", [{}], "Backup", backup.path).then(() => null)}>
            <Content>
                <Content component="p">
                    {cockpit.format(_("This $0 backup of $1 goes for good."), word("kind", backup.Kind), absolute(backup.CreatedUSec))}
                </Content>
                <Content component="p" aria-live="polite">
                    {!decision && _("Asking what retention would do…")}
                    {verdict === "drop" && _("Retention would remove it at its next run anyway.")}
                    {verdict === "keep" && _("Retention would keep it:")}{" "}
                    {reason && <span lang="en">{reason}</span>}
                </Content>
            </Content>
        </ActionDialog>
    );
}
