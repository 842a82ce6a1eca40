/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Health in a word, a sign and a colour, and each reason with its way out. Where one click is the way out, here is the
 * button for it. */

import {
    Card, CardBody, CardHeader, CardTitle, DataList, DataListAction, DataListCell, DataListItem, DataListItemCells,
    DataListItemRow, Label
} from "@patternfly/react-core";
import { CheckCircleIcon, ExclamationCircleIcon, ExclamationTriangleIcon, InProgressIcon } from "@patternfly/react-icons";

import { manager } from "./bus.js";
import { BackupButton } from "./backup-dialog.jsx";
import { CleanupDialog } from "./cleanup-dialog.jsx";
import { Action, ActionDialog, useDialogs } from "./dialogs.jsx";
import { RestoreDialog } from "./restore-dialog.jsx";
import { ServiceText } from "./service-text.jsx";
import { run, TIMERS, useService } from "./state.js";
import { call } from "./bus.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

const looks = {
    ok: ["green", CheckCircleIcon],
    stale: ["orange", ExclamationTriangleIcon],
    degraded: ["orange", ExclamationTriangleIcon],
    corrupt: ["red", ExclamationCircleIcon],
    restoring: ["blue", InProgressIcon],
};

export function HealthLabel({ health }) {
    const [color, Icon] = looks[health] || ["grey", InProgressIcon];
    return <Label color={color} icon={<Icon />}>{word("health", health)}</Label>;
}

function SettleRetention() {
    return (
        <ActionDialog title={_("Let retention go on?")} label={_("Let it go on")} needs="delete" danger
                      act={() => call("Manager", "Acknowledge", "a{sv}", [{ retention: true }]).then(() => null)}>
            {_("Retention stands still so that no backup of what was there before is removed. Once you let it go on, the oldest backups go as their time comes. Restore one first if the rows are still wanted.")}
        </ActionDialog>
    );
}

async function enable_timer() {
    await manager("EnableUnitFiles", "asbb", [[TIMERS[0]], false, true]);
    await manager("Reload");
    await manager("StartUnit", "ss", [TIMERS[0], "replace"]);
}

/* The button that is the way out of a reason; not all have one. */
function Remedy({ code }) {
    const show = useDialogs();
    const buttons = {
        stale: () => <BackupButton variant="secondary" />,
        "last-backup-failed": () => <BackupButton variant="secondary" />,
        corrupt: () => restore(_("Restore…")),
        "database-missing": () => restore(_("Restore…")),
        "needs-decision": () => restore(_("Decide…")),
        "auto-restore-stopped": () => restore(_("Restore…")),
        "no-healthy-backup": () => verify_all(),
        "last-verification-failed": () => go("backups", _("See the backups")),
        "not-checked": () => check(),
        "read-error": () => check(),
        repairable: () => check(),
        "database-replaced": () => check(),
        "wal-deleted": () => check(),
        "timer-disabled": () => timer("EnableUnitFiles"),
        "timer-elapsed": () => timer("restart"),
        "low-disk-space": () => <Action needs="delete" variant="secondary" onClick={() => show(<CleanupDialog />)}>{_("Clean up…")}</Action>,
        "database-emptied": () => settle(),
        "another-database": () => settle(),
        "key-unavailable": () => go("settings", _("See the settings")),
    };
    const go = (place, label) => <Action variant="secondary" onClick={() => cockpit.location.go([place])}>{label}</Action>;
    const restore = label => (
        <Action needs="restore" variant="primary" onClick={() => show(<RestoreDialog name="" />)}>{label}</Action>);
    const check = () => (
        <Action needs="verify" variant="secondary" onClick={() => run("Verify", "sa{sv}", ["", {}]).catch(() => {})}>
            {_("Check now")}
        </Action>);
    const verify_all = () => go("backups", _("See the backups"));
    const settle = () => (
        <Action needs="delete" variant="secondary" onClick={() => show(<SettleRetention />)}>{_("Let retention go on…")}</Action>);
    const timer = how => (
        <Action needs="configure" variant="secondary" onClick={() => show(
            <ActionDialog title={_("Start the backup timer?")} label={_("Start the timer")} needs="configure"
                          act={how === "restart" ? () => manager("RestartUnit", "ss", [TIMERS[0], "replace"]).then(() => null) : () => enable_timer()}>
                {_("A backup is then taken by itself, also after the next boot.")}
            </ActionDialog>)}>
            {_("Start the timer…")}
        </Action>);
    return buttons[code]?.() || null;
}

function Reason({ code, sentence }) {
    const id = "reason-" + code;
    return (
        <DataListItem aria-labelledby={id}>
            <DataListItemRow>
                <DataListItemCells dataListCells={[
                    <DataListCell key="text">
                        <strong id={id}>{word("reason", code)}</strong>
                        <p className="breaks" lang="en"><ServiceText text={sentence} /></p>
                    </DataListCell>
                ]} />
                <DataListAction aria-labelledby={id} aria-label={_("Way out")}><Remedy code={code} /></DataListAction>
            </DataListItemRow>
        </DataListItem>
    );
}

export function HealthCard() {
    const { manager: { Health, HealthReasons = [], Status } } = useService();
    return (
        <Card isCompact id="health">
            <CardHeader actions={{ actions: <BackupButton variant="primary" />, hasNoOffset: true }}>
                <CardTitle component="h2">{_("Health")} <HealthLabel health={Health} /></CardTitle>
            </CardHeader>
            <CardBody>
                {HealthReasons.length === 0
                    ? <p lang="en">{Status}</p>
                    : <DataList aria-label={_("Reasons")} isCompact>
                        {HealthReasons.map(([code, sentence]) => <Reason key={code} code={code} sentence={sentence} />)}
                    </DataList>}
            </CardBody>
        </Card>
    );
}
