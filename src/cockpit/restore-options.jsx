/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every way to restore ends with: the options that the plan calls for, the deliberate yes, and what came of it. */

import { Alert, Checkbox, Content, Stack, StackItem } from "@patternfly/react-core";

import { FilePicker } from "./file-picker.jsx";
import { JobProgress } from "./jobs-card.jsx";
import { rescue_loss, totals } from "./plan.jsx";
import { number } from "./format.jsx";
import { useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export const no_choice = { force: false, rescue: false, sure: false, identity: null };

export function needs_force(plan) {
    return Boolean(plan.RefusedInUse || plan.Refused);
}

function sure_text(plan, { rescue }) {
    const { lost, known } = totals(plan);
    const loss = rescue && !known ? rescue_loss(plan) : lost;
    if (loss === undefined || (!known && !rescue))
        return _("Yes, replace the database, and lose an unknown number of records");
    return loss > 0
        ? cockpit.format(cockpit.ngettext("Yes, replace the database, and lose $0 record", "Yes, replace the database, and lose $0 records", loss), number(loss))
        : _("Yes, replace the database");
}

/* A damaged database is not given up while rows of it can still be read. */
export function choice_for(plan) {
    return { ...no_choice, rescue: Boolean(plan.CurrentProblem || plan.NeedsDecision) };
}

export function IdentityUpload({ identity, change }) {
    return (
        <FilePicker id="identity" label={_("Key (age identity)")} placeholder={_("Optional: the file that opens it")} file={identity} change={change} />
    );
}

export function RestoreOptions({ plan, choice, change, encrypted }) {
    const set = part => (_event, value) => change({ ...choice, [part]: value });
    return (
        <Stack hasGutter>
            {encrypted && <StackItem><IdentityUpload identity={choice.identity} change={file => change({ ...choice, identity: file })} /></StackItem>}
            {(plan.CurrentProblem || plan.NeedsDecision) &&
                <StackItem>
                    <Checkbox id="restore-rescue" isChecked={choice.rescue} onChange={set("rescue")}
                              label={_("Rescue the rows of the damaged database that can still be read")}
                              description={_("They come into the restored database, in the place of the older ones.")} />
                </StackItem>}
            {needs_force(plan) &&
                <StackItem>
                    <Checkbox id="restore-force" isChecked={choice.force} onChange={set("force")}
                              label={plan.RefusedInUse ? _("Also while other programs have the database open") : _("Do it all the same")}
                              description={plan.RefusedInUse ? _("What they write afterwards is lost until they are restarted.") : undefined} />
                </StackItem>}
            <StackItem>
                <Checkbox id="restore-sure" isChecked={choice.sure} onChange={set("sure")} label={sure_text(plan, choice)} />
            </StackItem>
        </Stack>
    );
}

export function is_decided(plan, choice) {
    return plan && choice.sure && (!needs_force(plan) || choice.force);
}

/* The job of a restore, whoever asked for it. */
export function RestoreProgress() {
    const { jobs } = useService();
    const job = [...jobs.values()].find(({ Operation }) => ["restore", "undo"].includes(Operation));
    return job ? <JobProgress job={job} /> : null;
}

export function RestoreResult() {
    const { restored, manager } = useService();
    const kept = restored?.saved_as || restored?.quarantine.split("/").pop();
    return (
        <Alert component="p" isInline variant="success" title={_("The database was restored")}>
            <Content component="p" className="breaks">
                {restored && cockpit.format(_("$0 is in force."), restored.name)}{" "}
                {kept && cockpit.format(restored.saved_as ? _("What was there before is the backup $0.") : _("What was there before is in the quarantine, as $0."), kept)}
            </Content>
            {manager.CanUndoRestore && <Content component="p">{_("The overview offers to undo it, as long as that is possible.")}</Content>}
        </Alert>
    );
}
