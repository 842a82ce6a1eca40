/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Alert, Grid, GridItem, Spinner } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import { get_all } from "./bus.js";
import { Fact, Facts } from "./facts.jsx";
import { FaultAlert } from "./dialogs.jsx";
import { absolute, bytes, number } from "./format.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function RowsTable({ tables, label }) {
    return (
        <Table variant="compact" borders={false} aria-label={label} gridBreakPoint="">
            <Thead><Tr><Th>{_("Table")}</Th><Th className="numbers">{_("Rows")}</Th></Tr></Thead>
            <Tbody>
                {tables.map(([name, rows]) =>
                    <Tr key={name}><Td className="breaks">{name}</Td><Td className="numbers">{number(rows)}</Td></Tr>)}
            </Tbody>
        </Table>
    );
}

function check_of(backup) {
    if (!backup.IntegrityCheck)
        return _("none");
    return backup.IntegrityCheck === "full" ? _("in full") : _("quick: indexes were not compared with their tables");
}

function Manifest({ backup }) {
    return (
        <Facts width="11rem">
            <Fact term={_("Taken")}>{absolute(backup.CreatedUSec)}</Fact>
            <Fact term={_("Took")}>{cockpit.format(_("$0 s"), number(backup.DurationUSec / 1000000))}</Fact>
            <Fact term={_("Verified")}>{backup.VerifiedUSec ? absolute(backup.VerifiedUSec) : _("never")}</Fact>
            <Fact term={_("Check")}>{check_of(backup)}</Fact>
            <Fact term={_("Pages")}>{cockpit.format(_("$0 of $1"), number(backup.Pages), bytes(backup.PageSize))}</Fact>
            <Fact term={_("Rows that refer to none")}>{number(backup.ForeignKeyViolations)}</Fact>
            <Fact term={_("Rows that break a rule")}>{number(backup.ConstraintViolations)}</Fact>
            <Fact term={_("File")}><span className="breaks">{backup.File}</span></Fact>
            <Fact term={_("Compression")}>{backup.Compression === "none" ? _("none") : backup.Compression}</Fact>
            <Fact term={_("SHA-256 of the file")}><code className="breaks">{backup.StoredSHA256 || _("unknown")}</code></Fact>
            <Fact term={_("SHA-256 of the blocks")}><code className="breaks">{backup.DatabaseBlocksSHA256 || _("unknown")}</code></Fact>
            <Fact term={_("Database")}><span className="breaks">{backup.Source}</span></Fact>
            <Fact term={_("Host")}>{backup.Host}</Fact>
            <Fact term={_("Made by version")}>{backup.ToolVersion}</Fact>
        </Facts>
    );
}

/* The whole of a backup is asked for when somebody opens its row. */
export function BackupDetails({ backup }) {
    const [full, setFull] = useState(null);
    const [error, setError] = useState(null);

    useEffect(() => {
        get_all(backup.path, "Backup").then(setFull, setError);
    }, [backup]);

    if (error)
        return <FaultAlert error={error} />;
    if (!full)
        return <Spinner size="md" aria-label={_("Loading")} />;
    const faults = [full.Problem, full.VerificationFault].filter(text => text);
    return (
        <>
            {faults.map(text => <Alert component="p" key={text} isInline isPlain variant="danger" title={text} />)}
            {full.Unchecked && <Alert component="p" isInline isPlain variant="warning" title={full.Unchecked} />}
            <Grid hasGutter>
                <GridItem xl={7}><Manifest backup={full} /></GridItem>
                <GridItem xl={5}><RowsTable tables={full.Tables} label={_("Rows of each table")} /></GridItem>
            </Grid>
        </>
    );
}
