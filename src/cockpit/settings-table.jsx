/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Card, CardBody, CardTitle, Content } from "@patternfly/react-core";
import { PencilAltIcon } from "@patternfly/react-icons";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { Action, useDialogs } from "./dialogs.jsx";
import { SettingDialog } from "./setting-dialog.jsx";
import { DROP_IN } from "./setting-file.js";
import { useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const N_ = text => text;

/* What each is for, in a line; the manual says the rest. */
const purposes = {
    Database: N_("File of the database; takes a restart"),
    BackupDirectory: N_("Where the backups are; takes a restart"),
    BackupGroup: N_("Group that may read the backups"),
    Compression: N_("How backups are compressed: none or gzip"),
    BandwidthLimit: N_("Bytes a second that a backup may write"),
    CompressionLevel: N_("From 1, fast, to 9, small"),
    IntegrityCheck: N_("How a new backup is checked: full or quick"),
    Threads: N_("How many threads a job may use"),
    EncryptionRecipients: N_("Who can open new backups: age recipients, or the word passphrase"),
    Retention: N_("How long backups are kept"),
    RetentionMinimumVerified: N_("How many verified backups stay however old they are"),
    LogRetentionSec: N_("How long the service's rows stay in the logs"),
    LogRetentionAll: N_("Whether that goes for the application's rows, too"),
    Schema: N_("Whether the application's tables are completed"),
    JournalMode: N_("Whether the database is turned to write-ahead logging"),
    Cadence: N_("How far apart backups should be at the most"),
    CheckInterval: N_("How often the database is read from its disk and checked"),
    LowDiskSpace: N_("Free space below which health says so"),
    QuarantineMaxSize: N_("What the quarantine may take"),
    RestoreMaxSize: N_("What a restored file may take"),
    PredictionCacheEntries: N_("Predictions that are kept in memory"),
    PredictionCacheSize: N_("Memory for them"),
    BcryptCost: N_("Effort of password hashes, 10 to 14"),
    AutoRestore: N_("Whether a damaged database is restored without being asked"),
    AutoRestoreMaxLoss: N_("Rows that such a restore may lose"),
    ApplicationUnits: N_("Units that stop while the database file is replaced"),
};

export function SettingsTable() {
    const show = useDialogs();
    const { manager: { Settings = [] } } = useService();
    return (
        <Card isCompact id="configuration">
            <CardTitle component="h2">{_("Configuration")}</CardTitle>
            <CardBody>
                <Content component="p">
                    {cockpit.format(_("What is changed here goes into $0, and is in force at once."), DROP_IN)}{" "}{_("The manual oracxpred.conf(5) explains each.")}
                </Content>
                <Table variant="compact" aria-label={_("Configuration")} gridBreakPoint="grid-md">
                    <Thead>
                        <Tr><Th>{_("Setting")}</Th><Th>{_("Value")}</Th><Th>{_("From")}</Th><Th screenReaderText={_("Actions")} /></Tr>
                    </Thead>
                    <Tbody>
                        {Settings.map(([name, value, place]) =>
                            <Tr key={name}>
                                <Td dataLabel={_("Setting")}>
                                    <code>{name}</code>
                                    {purposes[name] && <div><small>{_(purposes[name])}</small></div>}
                                </Td>
                                <Td dataLabel={_("Value")} className="breaks"><code>{value || "–"}</code></Td>
                                <Td dataLabel={_("From")} className="breaks">{place || _("default")}</Td>
                                <Td isActionCell>
                                    <Action needs="configure" variant="plain" icon={<PencilAltIcon />} aria-label={cockpit.format(_("Change $0"), name)}
                                            onClick={() => show(<SettingDialog name={name} value={value} place={place} purpose={purposes[name] ? _(purposes[name]) : ""} />)} />
                                </Td>
                            </Tr>)}
                    </Tbody>
                </Table>
            </CardBody>
        </Card>
    );
}
