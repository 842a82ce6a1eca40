/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useState } from "react";

import { Button, Card, CardBody, CardTitle, Flex, FlexItem, Progress, Stack, StackItem } from "@patternfly/react-core";

import { call } from "./bus.js";
import { FaultAlert } from "./dialogs.jsx";
import { bytes } from "./format.jsx";
import { useService } from "./state.js";
import { word } from "./words.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

export function JobProgress({ job }) {
    const known = job.TotalBytes > 0;
    const step = job.State === "running" && job.Step ? word("step", job.Step) : word("job", job.State);
    const title = [word("operation", job.Operation), job.Backup, step].filter(part => part).join(" – ");
    return (
        <Progress id={"job-" + job.Id} title={title} size="sm"
                  value={known ? 100 * job.DoneBytes / job.TotalBytes : undefined}
                  valueText={known ? undefined : step}
                  label={known ? cockpit.format(_("$0 of $1"), bytes(job.DoneBytes), bytes(job.TotalBytes)) : step}
                  measureLocation={known ? "top" : "none"} />
    );
}

function Job({ job }) {
    const [error, setError] = useState(null);
    const cancel = () => call("Manager", "CancelJob", "u", [job.Id]).catch(setError);
    return (
        <>
            <Flex alignItems={{ default: "alignItemsFlexEnd" }} flexWrap={{ default: "nowrap" }}>
                <FlexItem grow={{ default: "grow" }}><JobProgress job={job} /></FlexItem>
                {job.Cancellable && job.State !== "cancelling" &&
                    <FlexItem>
                        <Button variant="secondary" size="sm" onClick={cancel} aria-describedby={"job-" + job.Id}>{_("Cancel")}</Button>
                    </FlexItem>}
            </Flex>
            <FaultAlert error={error} />
        </>
    );
}

export function JobsCard() {
    const { jobs } = useService();
    const all = [...jobs.values()].sort((a, b) => a.Id - b.Id);
    if (all.length === 0)
        return null;
    return (
        <StackItem>
            <Card isCompact id="jobs">
                <CardTitle component="h2">{_("In progress")}</CardTitle>
                <CardBody>
                    <Stack hasGutter>{all.map(job => <StackItem key={job.Id}><Job job={job} /></StackItem>)}</Stack>
                </CardBody>
            </Card>
        </StackItem>
    );
}
