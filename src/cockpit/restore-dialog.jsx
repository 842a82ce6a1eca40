/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Spinner } from "@patternfly/react-core";

import { call, unwrap } from "./bus.js";
import { ActionDialog, FaultAlert } from "./dialogs.jsx";
import { Plan } from "./plan.jsx";
import { choice_for, is_decided, no_choice, RestoreOptions, RestoreProgress, RestoreResult } from "./restore-options.jsx";
import { run, useService } from "./state.js";
import { restore_with_identity } from "./command.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

/* A plan that is asked for when the dialog opens. */
export function usePlan(ask) {
    const [plan, setPlan] = useState(null);
    const [error, setError] = useState(null);
    useEffect(() => {
        let wanted = true;
        ask().then(found => { if (wanted) setPlan(found) }, fault => { if (wanted) setError(fault) });
        return () => { wanted = false };
        // eslint-disable-next-line react-hooks/exhaustive-deps
    }, []);
    return [plan, error];
}

/* An empty name is the backup that continues the database best. */
export function RestoreDialog({ name }) {
    const { backups, manager } = useService();
    const [plan, error] = usePlan(() => call("Manager", "PlanRestore", "s", [name]).then(([found]) => unwrap(found)));
    const [chosen, change] = useState(null);
    const choice = chosen || (plan ? choice_for(plan) : no_choice);
    const backup = [...backups.values()].find(({ Name }) => Name === plan?.Name);
    const locked = backup?.Encrypted && (!manager.KeyAvailable || Boolean(manager.KeyFault));

    async function restore() {
        if (choice.identity)
            await restore_with_identity(plan.Name, choice);
        else
            await run("Restore", "sa{sv}", [plan.Name, { ...(choice.force && { force: true }), ...(choice.rescue && { rescue: true }) }]);
        return <RestoreResult />;
    }

    return (
        <ActionDialog title={name ? cockpit.format(_("Restore $0"), name) : _("Restore the newest good backup")} label={_("Restore")}
                      danger wide needs="restore" act={restore} disabled={!is_decided(plan, choice)}>
            <FaultAlert error={error} title={error?.code === "NoHealthyBackup" ? _("There is no healthy backup to restore") : _("It can't be restored")} />
            {!plan && !error && <Spinner size="lg" aria-label={_("Working out what it would do")} />}
            {plan && <Plan plan={plan} />}
            {plan && <RestoreOptions plan={plan} choice={choice} change={change} encrypted={locked} />}
            <RestoreProgress />
        </ActionDialog>
    );
}
