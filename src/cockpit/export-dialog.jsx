/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Checkbox, Content } from "@patternfly/react-core";

import { ActionDialog } from "./dialogs.jsx";
import { download_export } from "./download.js";

const _ = window.cockpit.gettext;

export function ExportDialog() {
    const [redact, setRedact] = useState(true);
    return (
        <ActionDialog title={_("Export the database")} label={_("Export")} needs="export" act={async () => download_export(redact)}>
            <Content component="p">{_("Your browser saves the whole database as one JSON document. The overview shows how far it is.")}</Content>
            <Checkbox id="export-redact" isChecked={redact} onChange={(_event, value) => setRedact(value)}
                      label={_("Leave out password hashes and session secrets")}
                      description={_("Such a document can't be imported again.")} />
        </ActionDialog>
    );
}
