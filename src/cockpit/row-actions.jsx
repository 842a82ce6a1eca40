/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { MenuToggle } from "@patternfly/react-core";
import { EllipsisVIcon } from "@patternfly/react-icons";
import { ActionsColumn } from "@patternfly/react-table";

import { landmark } from "./landmark.js";

/* One thing to do with a row; where `reason` says why it can't be done it stays to be read. */
export function row_action(title, reason, onClick) {
    return { title, onClick, isAriaDisabled: Boolean(reason), tooltipProps: reason ? { content: reason, appendTo: landmark } : undefined };
}

export function RowActions({ label, items }) {
    return (
        <ActionsColumn items={items} popperProps={{ position: "right", appendTo: landmark }} actionsToggle={({ onToggle, isOpen, toggleRef }) =>
            <MenuToggle ref={toggleRef} variant="plain" icon={<EllipsisVIcon />} aria-label={label} onClick={onToggle} isExpanded={isOpen} />} />
    );
}
