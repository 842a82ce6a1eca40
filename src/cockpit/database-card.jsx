/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Card, CardBody, CardFooter, CardTitle, Label } from "@patternfly/react-core";

import { Fact, Facts } from "./facts.jsx";
import { Action, useDialogs } from "./dialogs.jsx";
import { ExportDialog } from "./export-dialog.jsx";
import { bytes, When } from "./format.jsx";
import { GrowthChart } from "./growth-chart.jsx";
import { run, useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const colors = { ok: "green", repairable: "orange", corrupt: "red" };

function growth(per_day) {
    if (!per_day)
        return _("no change to speak of");
    return cockpit.format(per_day > 0 ? _("grows $0 a day") : _("shrinks $0 a day"), bytes(Math.abs(per_day)));
}

export function DatabaseCard() {
    const show = useDialogs();
    const { manager } = useService();
    return (
        <Card isCompact id="database-card">
            <CardTitle component="h2">{_("Database")}</CardTitle>
            <CardBody>
                <Facts>
                    <Fact term={_("File")}><span className="breaks">{manager.DatabasePath}</span></Fact>
                    <Fact term={_("Integrity")}>
                        <Label isCompact color={colors[manager.Integrity]}>{word("integrity", manager.Integrity)}</Label>
                    </Fact>
                    <Fact term={_("Checked")}><When usec={manager.IntegrityCheckedUSec} /></Fact>
                    <Fact term={_("Read from its disk")}><When usec={manager.DiskCheckedUSec} /></Fact>
                    <Fact term={_("Last changed")}><When usec={manager.DatabaseModifiedUSec} /></Fact>
                    <Fact term={_("Size")}>
                        {manager.WALBytes > 0
                            ? cockpit.format(_("$0, and $1 in its log"), bytes(manager.DatabaseBytes), bytes(manager.WALBytes))
                            : bytes(manager.DatabaseBytes)}, {growth(manager.DatabaseGrowthPerDay)}
                    </Fact>
                </Facts>
                <GrowthChart history={manager.SizeHistory || []} />
            </CardBody>
            <CardFooter>
                <Action needs="verify" variant="secondary" size="sm" onClick={() => run("Verify", "sa{sv}", ["", {}]).catch(() => {})}>
                    {_("Check now")}
                </Action>{" "}
                <Action needs="export" variant="secondary" size="sm" onClick={() => show(<ExportDialog />)}>{_("Export…")}</Action>
            </CardFooter>
        </Card>
    );
}
