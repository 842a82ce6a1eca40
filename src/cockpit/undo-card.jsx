/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Alert, AlertActionLink, Spinner, StackItem } from "@patternfly/react-core";

import { call, unwrap } from "./bus.js";
import { ActionDialog, FaultAlert, useDialogs, useReason } from "./dialogs.jsx";
import { When } from "./format.jsx";
import { Plan } from "./plan.jsx";
import { usePlan } from "./restore-dialog.jsx";
import { is_decided, no_choice, RestoreOptions, RestoreProgress, RestoreResult } from "./restore-options.jsx";
import { run, useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function UndoDialog() {
    const [plan, error] = usePlan(() => call("Manager", "PlanUndo").then(([found]) => unwrap(found)));
    const [choice, change] = useState(no_choice);

    async function undo() {
        await run("UndoRestore", "a{sv}", [choice.force ? { force: true } : {}]);
        return <RestoreResult />;
    }

    return (
        <ActionDialog title={_("Undo the last restore")} label={_("Undo")} danger wide needs="restore" act={undo}
                      disabled={!is_decided(plan, choice)}>
            <FaultAlert error={error} />
            {!plan && !error && <Spinner size="lg" aria-label={_("Working out what it would do")} />}
            {plan && <Plan plan={plan} />}
            {plan && <RestoreOptions plan={plan} choice={choice} change={change} />}
            <RestoreProgress />
        </ActionDialog>
    );
}

/* As long as what was replaced is there. */
export function UndoCard() {
    const show = useDialogs();
    const { manager } = useService();
    const reason = useReason("restore");
    if (!manager.CanUndoRestore || !manager.LastRestore)
        return null;
    return (
        <StackItem>
            <Alert isInline variant="info" component="h2" id="undo"
                   title={manager.LastRestoreAutomatic ? _("The service restored the database by itself") : _("The database was restored")}
                   actionLinks={
                       <AlertActionLink isAriaDisabled={Boolean(reason)} onClick={() => show(<UndoDialog />)}>{_("Undo…")}</AlertActionLink>
                   }>
                <span className="breaks">{manager.LastRestore}</span>, <When usec={manager.LastRestoreUSec} />.{" "}
                {reason || _("What it replaced is still there.")}
            </Alert>
        </StackItem>
    );
}
