/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Alert, Card, CardBody, CardFooter, CardTitle, Label } from "@patternfly/react-core";

import { Fact, Facts } from "./facts.jsx";
import { call } from "./bus.js";
import { Action, FaultAlert } from "./dialogs.jsx";
import { ServiceText } from "./service-text.jsx";
import { useService } from "./state.js";

const _ = window.cockpit.gettext;

export function EncryptionCard() {
    const { manager } = useService();
    const [result, setResult] = useState(null);
    const recipients = manager.EncryptionRecipients || [];

    async function test() {
        setResult(null);
        try {
            await call("Manager", "TestKey");
            setResult({});
        } catch (error) {
            setResult({ error });
        }
    }

    return (
        <Card isCompact id="encryption">
            <CardTitle component="h2">
                {_("Encryption of new backups")}{" "}
                <Label isCompact color={recipients.length > 0 ? "green" : "grey"}>{recipients.length > 0 ? _("on") : _("off")}</Label>
            </CardTitle>
            <CardBody>
                <Facts width="7rem">
                    <Fact term={_("Recipients")}>
                        {recipients.length === 0 ? _("none") : recipients.map(recipient => <div key={recipient} className="breaks"><code>{recipient}</code></div>)}
                    </Fact>
                    <Fact term={_("Own key")}>{manager.KeyAvailable ? _("the service has one") : _("the service has none, and can't open them")}</Fact>
                    {manager.KeyFault && <Fact term={_("Fault")}><span className="breaks" lang="en"><ServiceText text={manager.KeyFault} /></span></Fact>}
                </Facts>
                {result && !result.error && <Alert component="p" isInline variant="success" title={_("The key opens what is encrypted")} />}
                <FaultAlert error={result?.error} title={_("The key test failed")} />
            </CardBody>
            <CardFooter>
                <Action needs="verify" variant="secondary" size="sm" onClick={test}>{_("Test the key")}</Action>
            </CardFooter>
        </Card>
    );
}
