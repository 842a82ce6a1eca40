/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the page does not do: root does it by hand, with these commands. */

import { Card, CardBody, CardTitle, ClipboardCopy, Content } from "@patternfly/react-core";

import { Fact, Facts } from "./facts.jsx";

const _ = window.cockpit.gettext;

const commands = () => [
    [_("Make a key for encrypted backups"), "oracxpredctl key generate /root/oracxpred.key"],
    [_("Give that key to the service"), "systemd-creds encrypt --name=oracxpred.identity /root/oracxpred.key /etc/credstore.encrypted/oracxpred.identity"],
    [_("Say in a drop-in of the unit where it lies"),
        "systemctl edit oracxpredd.service # [Service] LoadCredentialEncrypted=oracxpred.identity:/etc/credstore.encrypted/oracxpred.identity"],
    [_("Let the service stop and start the application's units"), "oracxpredctl units-rule > /etc/polkit-1/rules.d/50-oracxpred-application-units.rules"],
    [_("Check everything the service depends on"), "oracxpredctl doctor"],
    [_("Move the database or the backups, after a change of their paths"), "systemctl restart oracxpredd.service"],
];

export function RootCard() {
    return (
        <Card isCompact id="by-hand">
            <CardTitle component="h2">{_("By hand, as root")}</CardTitle>
            <CardBody>
                <Content component="p">{_("Keys and rights are not for a browser. These commands do it in a terminal:")}</Content>
                <Facts width="18rem">
                    {commands().map(([what, command]) =>
                        <Fact key={command} term={what}>
                            <ClipboardCopy isReadOnly isCode hoverTip={_("Copy")} clickTip={_("Copied")} textAriaLabel={what}>{command}</ClipboardCopy>
                        </Fact>)}
                </Facts>
            </CardBody>
        </Card>
    );
}
