/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Alert, Gallery, List, ListItem, Stack, StackItem, Title } from "@patternfly/react-core";

import { EncryptionCard } from "./encryption-card.jsx";
import { RootCard } from "./root-card.jsx";
import { ServiceText } from "./service-text.jsx";
import { SettingsTable } from "./settings-table.jsx";
import { useService } from "./state.js";
import { TimerCard } from "./timer-card.jsx";

const _ = window.cockpit.gettext;

export function Settings() {
    const { manager, running } = useService();
    const faults = manager.ConfigurationFaults || [];
    return (
        <Stack hasGutter>
            <StackItem><Title headingLevel="h1">{_("Settings")}</Title></StackItem>
            {faults.length > 0 &&
                <StackItem>
                    <Alert component="p" isInline variant="warning" title={_("Lines of the configuration are ignored")}>
                        <List lang="en">{faults.map(fault => <ListItem key={fault} className="breaks"><ServiceText text={fault} /></ListItem>)}</List>
                    </Alert>
                </StackItem>}
            <StackItem>
                <Gallery hasGutter minWidths={{ default: "min(100%, 20rem)" }}>
                    <TimerCard name="oracxpred-backup.timer" title={_("Backup timer")} />
                    <TimerCard name="oracxpred-verify.timer" title={_("Verification timer")} />
                    {running && <EncryptionCard />}
                </Gallery>
            </StackItem>
            {running && <StackItem><SettingsTable /></StackItem>}
            {running && <StackItem><RootCard /></StackItem>}
        </Stack>
    );
}
