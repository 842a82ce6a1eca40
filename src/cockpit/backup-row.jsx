/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Label, LabelGroup } from "@patternfly/react-core";
import {
    CheckCircleIcon, ExclamationCircleIcon, HistoryIcon, LockIcon, OutlinedQuestionCircleIcon, ThumbtackIcon
} from "@patternfly/react-icons";
import { ExpandableRowContent, Td, Tr } from "@patternfly/react-table";

import { BackupDetails } from "./backup-details.jsx";
import { DeleteDialog } from "./delete-dialog.jsx";
import { useDialogs, useReason } from "./dialogs.jsx";
import { download_backup } from "./download.js";
import { bytes, When } from "./format.jsx";
import { RestoreDialog } from "./restore-dialog.jsx";
import { RowActions, row_action } from "./row-actions.jsx";
import { run, useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const COLUMNS = 9;

export function BackupState({ backup }) {
    if (backup.Problem)
        return <Label isCompact color="red" icon={<ExclamationCircleIcon />}>{_("unusable")}</Label>;
    if (backup.VerificationFault)
        return <Label isCompact color="red" icon={<ExclamationCircleIcon />}>{_("failed")}</Label>;
    if (backup.VerifiedUSec > 0)
        return <Label isCompact color="green" icon={<CheckCircleIcon />}>{_("verified")}</Label>;
    return <Label isCompact color="grey" icon={<OutlinedQuestionCircleIcon />}>{_("not verified")}</Label>;
}

function useActions(backup) {
    const show = useDialogs();
    const { manager } = useService();
    const reasons = {
        verify: useReason("verify"),
        restore: useReason("restore"),
        delete: useReason("delete"),
        export: useReason("export"),
        backup: useReason("backup"),
    };
    const method = name => run(name, "a{sv}", [{}], "Backup", backup.path).catch(() => {});
    const undeletable = backup.Kept
        ? _("Somebody keeps it. Release it first.")
        : backup.Kind === "initial" ? _("The initial backup is kept for good.") : null;
    return [
        row_action(_("Verify"), reasons.verify, () => method("Verify")),
        row_action(_("Restore…"), reasons.restore || (backup.Problem && _("It can't be used.")), () => show(<RestoreDialog name={backup.Name} />)),
        row_action(_("Download"), reasons.export, () => download_backup(backup.path, manager.BackupDirectory)),
        backup.Kept
            ? row_action(_("Release"), reasons.delete, () => method("Unkeep"))
            : row_action(_("Keep"), reasons.backup, () => method("Keep")),
        { isSeparator: true },
        row_action(_("Delete…"), reasons.delete || undeletable, () => show(<DeleteDialog backup={backup} />)),
    ];
}

export function BackupRow({ backup, restored, open, toggle }) {
    const actions = useActions(backup);
    return (
        <>
            <Tr isContentExpanded={open}>
                <Td expand={{ rowIndex: 0, isExpanded: open, onToggle: toggle, expandId: backup.Name + "-" }}
                    aria-label={cockpit.format(_("Details of $0"), backup.Name)} />
                <Td dataLabel={_("Name")} className="breaks">
                    {backup.Name}
                    {backup.Label && <div><small>{backup.Label}</small></div>}
                    {(restored || backup.Kept || backup.OtherDatabase) &&
                        <LabelGroup aria-label={_("Marks")} numLabels={3}>
                            {restored && <Label isCompact color="blue" icon={<HistoryIcon />}>{_("restored last")}</Label>}
                            {backup.Kept && <Label isCompact icon={<ThumbtackIcon />}>{_("kept")}</Label>}
                            {backup.OtherDatabase && <Label isCompact color="orange">{_("of another database")}</Label>}
                        </LabelGroup>}
                </Td>
                <Td dataLabel={_("Kind")}>{word("kind", backup.Kind)}</Td>
                <Td dataLabel={_("Age")} modifier="nowrap"><When usec={backup.CreatedUSec} /></Td>
                <Td dataLabel={_("Database")} className="numbers">{bytes(backup.DatabaseBytes)}</Td>
                <Td dataLabel={_("Stored")} className="numbers">{bytes(backup.StoredBytes)}</Td>
                <Td dataLabel={_("State")}><BackupState backup={backup} /></Td>
                <Td dataLabel={_("Encryption")}>
                    {backup.Encrypted ? <Label isCompact icon={<LockIcon />}>{_("encrypted")}</Label> : _("none")}
                </Td>
                <Td isActionCell>
                    <RowActions items={actions} label={cockpit.format(_("Actions on $0"), backup.Name)} />
                </Td>
            </Tr>
            {open &&
                <Tr isExpanded>
                    <Td colSpan={COLUMNS}>
                        <ExpandableRowContent><BackupDetails backup={backup} /></ExpandableRowContent>
                    </Td>
                </Tr>}
        </>
    );
}
