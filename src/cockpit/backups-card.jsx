/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Button, Card, CardBody, CardFooter, CardTitle } from "@patternfly/react-core";

import { Fact, Facts } from "./facts.jsx";
import { bytes, number, percent, When } from "./format.jsx";
import { TIMERS, useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function BackupsCard() {
    const { manager, timers } = useService();
    const timer = timers[TIMERS[0]];
    const verified = manager.Backups > 0 ? manager.VerifiedBackups / manager.Backups : 0;
    return (
        <Card isCompact id="backups-card">
            <CardTitle component="h2">{_("Backups")}</CardTitle>
            <CardBody>
                <Facts>
                    <Fact term={_("Last")}><When usec={manager.LastBackupUSec} /></Fact>
                    <Fact term={_("Next")}>
                        <When usec={timer?.NextElapseUSecRealtime} never={_("not by itself: the timer is off")} />
                    </Fact>
                    <Fact term={_("Number")}>{number(manager.Backups)}</Fact>
                    <Fact term={_("Verified share")}>
                        {cockpit.format(_("$0 ($1)"), number(manager.VerifiedBackups), percent(verified))}
                    </Fact>
                    <Fact term={_("Space taken")}>{bytes(manager.BackupBytes)}</Fact>
                    <Fact term={_("Free on their disk")}>
                        {cockpit.format(_("$0 of $1"), bytes(manager.DiskFreeBytes), bytes(manager.DiskTotalBytes))}
                    </Fact>
                    {manager.DiskDaysLeft >= 0 &&
                        <Fact term={_("Disk full in")}>
                            {cockpit.format(cockpit.ngettext("about $0 day", "about $0 days", Math.round(manager.DiskDaysLeft)),
                                            number(Math.round(manager.DiskDaysLeft)))}
                        </Fact>}
                </Facts>
            </CardBody>
            <CardFooter>
                <Button variant="link" isInline onClick={() => cockpit.location.go(["backups"])}>{_("See all backups")}</Button>
            </CardFooter>
        </Card>
    );
}
