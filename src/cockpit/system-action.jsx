/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { Button, Tooltip } from "@patternfly/react-core";

import { landmark } from "./landmark.js";
import { useService } from "./state.js";

const _ = window.cockpit.gettext;

/* A button for what is systemd's matter and not the service's: it takes an administrator, and no service that runs. */
export function SystemAction({ children, ...properties }) {
    const { administrator } = useService();
    const button = <Button variant="secondary" size="sm" {...properties} isAriaDisabled={!administrator}>{children}</Button>;
    return administrator ? button : <Tooltip appendTo={landmark} content={_("This needs administrative access. Turn it on in the bar above.")}>{button}</Tooltip>;
}
