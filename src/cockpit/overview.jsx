/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect } from "react";

import { Gallery, Stack, StackItem, Title } from "@patternfly/react-core";

import { BackupsCard } from "./backups-card.jsx";
import { DatabaseCard } from "./database-card.jsx";
import { HealthCard } from "./health-card.jsx";
import { JobsCard } from "./jobs-card.jsx";
import { RecordsCard } from "./records-card.jsx";
import { RemediesCard } from "./remedies-card.jsx";
import { UndoCard } from "./undo-card.jsx";
import { count } from "./state.js";

const _ = window.cockpit.gettext;

export function Overview() {
    /* Counted once for who opens the view; from then on signals tell. */
    useEffect(() => { count().catch(() => {}) }, []);

    return (
        <Stack hasGutter>
            <StackItem><Title headingLevel="h1">{_("Database and backups")}</Title></StackItem>
            <StackItem><HealthCard /></StackItem>
            <RemediesCard />
            <UndoCard />
            <JobsCard />
            <StackItem>
                <Gallery hasGutter minWidths={{ default: "min(100%, 20rem)" }}>
                    <BackupsCard />
                    <DatabaseCard />
                    <RecordsCard />
                </Gallery>
            </StackItem>
        </Stack>
    );
}
