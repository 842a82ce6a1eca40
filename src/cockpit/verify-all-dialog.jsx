/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useRef, useState } from "react";

import { Content, Progress } from "@patternfly/react-core";

import { ActionDialog } from "./dialogs.jsx";
import { number } from "./format.jsx";
import { run, useService } from "./state.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

/* One after the other, as `oracxpredctl verify --all` does: the queue of the service stays open to others. */
export function VerifyAllDialog() {
    const { backups } = useService();
    const [done, setDone] = useState(null);
    const goes_on = useRef(true);
    const names = useRef([...backups.values()].filter(backup => !backup.Problem).map(backup => backup.Name));
    const total = names.current.length;

    useEffect(() => {
        goes_on.current = true;
        return () => { goes_on.current = false };
    }, []);

    async function verify() {
        const failed = [];
        for (const [index, name] of names.current.entries()) {
            if (!goes_on.current)
                return;
            setDone(index);
            await run("Verify", "sa{sv}", [name, {}]).catch(error => failed.push([name, error.message]));
        }
        return (
            <Content>
                <Content component="p">
                    {cockpit.format(cockpit.ngettext("$0 backup was verified.", "$0 backups were verified.", total - failed.length), number(total - failed.length))}
                </Content>
                {failed.length > 0 &&
                    <Content component="ul">
                        {failed.map(([name, message]) => <Content component="li" key={name} className="breaks">{name}: {message}</Content>)}
                    </Content>}
            </Content>
        );
    }

    return (
        <ActionDialog title={_("Verify all backups")} label={_("Verify all")} act={verify} needs="verify">
            <Content component="p">
                {cockpit.format(cockpit.ngettext("$0 backup is read back in full and checked.", "$0 backups are read back in full and checked, one after the other.", total), number(total))}
                {" "}{_("It goes on as long as this dialog is open. What is done by then stays done.")}
            </Content>
            {done !== null &&
                <Progress aria-label={_("Verified so far")} value={100 * done / total}
                          label={cockpit.format(_("$0 of $1"), number(done), number(total))} />}
        </ActionDialog>
    );
}
