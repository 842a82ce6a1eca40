/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in the place of a view while there is nothing to show: no bus, no service, or none yet. */

import { useState } from "react";

import {
    Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Spinner
} from "@patternfly/react-core";
import DisconnectedIcon from "@patternfly/react-icons/dist/esm/icons/disconnected-icon.js";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon.js";
import PowerOffIcon from "@patternfly/react-icons/dist/esm/icons/power-off-icon.js";
import CubesIcon from "@patternfly/react-icons/dist/esm/icons/cubes-icon.js";

import { manager } from "./bus.js";
import { FaultAlert } from "./dialogs.jsx";
import { load, SERVICE, useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

function Nothing({ title, icon, status, children, actions }) {
    return (
        <EmptyState headingLevel="h1" titleText={title} icon={icon} status={status} variant="lg">
            <EmptyStateBody>{children}</EmptyStateBody>
            {actions && <EmptyStateFooter><EmptyStateActions>{actions}</EmptyStateActions></EmptyStateFooter>}
        </EmptyState>
    );
}

function Stopped({ service }) {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState(null);
    const failed = service.ActiveState === "failed";

    async function start() {
        setBusy(true);
        setError(null);
        try {
            await manager("StartUnit", "ss", [SERVICE, "replace"]);
        } catch (fault) {
            setError(fault);
        }
        setBusy(false);
    }

    return (
        <Nothing title={failed ? _("The service failed") : _("The service does not run")}
                 icon={failed ? ExclamationCircleIcon : PowerOffIcon} status={failed ? "danger" : undefined}
                 actions={<>
                     <Button onClick={start} isLoading={busy} isDisabled={busy}>{_("Start the service")}</Button>
                     <Button variant="link" onClick={() => cockpit.jump("/system/services#/" + SERVICE)}>
                         {_("Details and logs")}
                     </Button>
                 </>}>
            <p>{_("Without it nothing is backed up, and a damaged database is not noticed.")}</p>
            {failed && service.StatusText && <p className="breaks">{service.StatusText}</p>}
            <FaultAlert error={error} title={_("The service could not be started")} />
        </Nothing>
    );
}

export function ServiceState({ view, children }) {
    const { connection, running, loaded, fault, service } = useService();

    if (connection === "lost")
        return (
            <Nothing title={_("The system bus is gone")} icon={DisconnectedIcon} status="warning">
                {_("The page goes on by itself as soon as it is back.")}
            </Nothing>);
    if (connection === "ready" && !running && service) {
        if (service.LoadState === "not-found" || service.LoadState === "unknown")
            return (
                <Nothing title={_("ORACXPRED persistence is not installed")} icon={CubesIcon}>
                    {_("There is no unit oracxpredd.service on this system. Install the package, then come back here.")}
                </Nothing>);
        if (["activating", "reloading", "deactivating"].includes(service.ActiveState))
            return (
                <Nothing title={service.ActiveState === "deactivating" ? _("The service is stopping") : _("The service is starting")} icon={Spinner}>
                    {service.StatusText || _("It opens the database and looks at it.")}
                </Nothing>);
        if (view !== "settings")
            return <Stopped service={service} />;
    }
    if (fault)
        return (
            <Nothing title={_("The service does not answer")} icon={ExclamationCircleIcon} status="danger"
                     actions={<Button onClick={load}>{_("Try again")}</Button>}>
                <FaultAlert error={fault} />
            </Nothing>);
    if (!loaded && view !== "settings")
        return <Nothing title={_("Loading")} icon={Spinner} />;
    return children;
}
