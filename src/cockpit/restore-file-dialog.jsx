/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Button, Content, Form, Progress } from "@patternfly/react-core";

import { plan_of_file, restore_file } from "./command.js";
import { ActionDialog, FaultAlert } from "./dialogs.jsx";
import { FilePicker } from "./file-picker.jsx";
import { bytes } from "./format.jsx";
import { Plan } from "./plan.jsx";
import { is_decided, no_choice, RestoreOptions, RestoreProgress, RestoreResult } from "./restore-options.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

function Upload({ file, sent }) {
    return (
        <Progress title={cockpit.format(_("Sending $0"), file.name)} size="sm" value={100 * sent / Math.max(file.size, 1)}
                  label={cockpit.format(_("$0 of $1"), bytes(sent), bytes(file.size))} />
    );
}

/* The file is read twice: nobody has to agree to what was not looked at. */
export function RestoreFileDialog() {
    const [file, setFile] = useState(null);
    const [plan, setPlan] = useState(null);
    const [sent, setSent] = useState(null);
    const [error, setError] = useState(null);
    const [choice, change] = useState(no_choice);

    function choose(chosen) {
        setFile(chosen);
        setPlan(null);
        setError(null);
        change(no_choice);
    }

    async function look() {
        setError(null);
        setSent(0);
        try {
            setPlan(await plan_of_file(file, setSent));
        } catch (fault) {
            setError(fault);
        }
        setSent(null);
    }

    async function restore() {
        setSent(0);
        try {
            await restore_file(file, choice, setSent);
        } finally {
            setSent(null);
        }
        return <RestoreResult />;
    }

    return (
        <ActionDialog title={_("Restore from a file")} label={_("Restore")} danger wide needs="restore" act={restore}
                      disabled={!is_decided(plan, choice)}>
            <Content component="p">
                {_("A SQLite database of your machine, plain, as .gz, .zip or encrypted as .age. It becomes a backup first, and is checked in full.")}
            </Content>
            <Form onSubmit={event => event.preventDefault()}>
                <FilePicker id="restore-file" label={_("File")} placeholder={_("No file chosen")} file={file} change={choose} />
                {file && !plan &&
                    <Button variant="secondary" onClick={look} isLoading={sent !== null} isDisabled={sent !== null}>{_("Show what it would do")}</Button>}
            </Form>
            {sent !== null && <Upload file={file} sent={sent} />}
            <FaultAlert error={error} />
            {plan && <Plan plan={plan} />}
            {plan && <RestoreOptions plan={plan} choice={choice} change={change} />}
            <RestoreProgress />
        </ActionDialog>
    );
}
