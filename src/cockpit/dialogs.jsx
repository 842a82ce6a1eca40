/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all dialogs have in common: one at a time, a fault shown in it, and no second click while it works. */

import { createContext, useContext, useState } from "react";

import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader, Tooltip } from "@patternfly/react-core";

import { landmark } from "./landmark.js";
import { useService } from "./state.js";
import { word } from "./words.js";

const _ = window.cockpit.gettext;
const Dialogs = createContext(null);

export function WithDialogs({ children }) {
    const [shown, show] = useState(null);
    return (
        <Dialogs.Provider value={show}>
            {children}
            {shown}
        </Dialogs.Provider>
    );
}

/* A function that shows a dialog, or with null closes it. */
export function useDialogs() {
    return useContext(Dialogs);
}

/* Why something did not work, with the way out as the service tells it. */
export function FaultAlert({ error, title }) {
    if (!error)
        return null;
    const heading = title || (error.code && word("error", error.code)) || _("That did not work");
    return (
        <Alert component="p" isInline variant="danger" title={heading} className="fault">
            {error.message !== heading && <span className="breaks">{error.message}</span>}
            {error.code === "AccessDenied" &&
                <p>{_("Turn on administrative access in the bar above, or ask an administrator.")}</p>}
        </Alert>
    );
}

/* `act` does the work and may return an element: it then takes the place of the content, as the result. */
export function ActionDialog({ title, label, act, children, danger, disabled, wide, needs }) {
    const show = useDialogs();
    const { may } = useService();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState(null);
    const [result, setResult] = useState(null);
    const close = () => show(null);

    async function confirm() {
        setBusy(true);
        setError(null);
        try {
            const outcome = await act();
            if (outcome)
                setResult(outcome);
            else
                close();
        } catch (fault) {
            setError(fault);
        }
        setBusy(false);
    }

    return (
        <Modal isOpen variant={wide ? "large" : "medium"} onClose={close} aria-labelledby="dialog-title" aria-describedby="dialog-body">
            <ModalHeader title={title} labelId="dialog-title" titleIconVariant={danger ? "warning" : undefined} />
            <ModalBody id="dialog-body" tabIndex={0}>
                {result || children}
                <FaultAlert error={error} />
            </ModalBody>
            <ModalFooter>
                {result || !label
                    ? <Button variant="primary" onClick={close}>{_("Close")}</Button>
                    : <>
                        <Button variant={danger ? "danger" : "primary"} onClick={confirm} isLoading={busy}
                                isDisabled={busy || disabled || (needs && !may[needs])}>
                            {label}
                        </Button>
                        <Button variant="link" onClick={close}>{busy ? _("Close, and let it go on") : _("Cancel")}</Button>
                    </>}
            </ModalFooter>
        </Modal>
    );
}

/* Why an action can't be done; nothing when it can. */
export function useReason(needs) {
    const { may, running } = useService();
    if (!running)
        return _("The service does not run.");
    if (needs && !may[needs])
        return _("This needs administrative access. Turn it on in the bar above.");
    return null;
}

/* A button that, when it can't be used, stays reachable and says why. */
export function Action({ needs, blocked, children, ...properties }) {
    const reason = useReason(needs) || blocked;
    const button = <Button {...properties} isAriaDisabled={Boolean(reason) || properties.isAriaDisabled}>{children}</Button>;
    return reason ? <Tooltip content={reason} appendTo={landmark}>{button}</Tooltip> : button;
}
