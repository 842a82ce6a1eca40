/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useMemo, useState } from "react";

import {
    Alert, Button, Card, EmptyState, Form, FormGroup, FormSelect, FormSelectOption, Pagination, Spinner, Stack, StackItem, TextInput, Title
} from "@patternfly/react-core";
import { Table, Tbody, Th, Thead, Tr } from "@patternfly/react-table";

import { ActivityRow } from "./activity-row.jsx";
import { useActivity } from "./activity-data.js";
import { FaultAlert } from "./dialogs.jsx";
import { word } from "./words.js";

const _ = window.cockpit.gettext;
const PAGE = 50;
const SEVERITIES = ["info", "warning", "error", "critical"];

/* The beginning of a local day, in microseconds. */
function day(text, offset = 0) {
    if (!text)
        return undefined;
    const date = new Date(text + "T00:00:00");
    date.setDate(date.getDate() + offset);
    return date.getTime() * 1000;
}

export function Activity() {
    const [from, setFrom] = useState("");
    const [to, setTo] = useState("");
    const [severity, setSeverity] = useState("info");
    const [text, setText] = useState("");
    const [source, setSource] = useState("");
    const [page, setPage] = useState(1);
    const [open, setOpen] = useState(null);
    const { rows, more, older, loading, errors, may_audit } = useActivity(day(from), day(to, 1));

    const shown = useMemo(() => rows.filter(row =>
        SEVERITIES.indexOf(row.severity) >= SEVERITIES.indexOf(severity) && (!source || row.source === source) &&
        (!text || row.text.toLowerCase().includes(text.toLowerCase()) || String(row.uid ?? "") === text)), [rows, severity, source, text]);
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    const current = Math.min(page, pages);

    return (
        <Stack hasGutter>
            <StackItem><Title headingLevel="h1">{_("Activity")}</Title></StackItem>
            {!may_audit &&
                <StackItem><Alert component="p" isInline variant="info" title={_("The audit log needs administrative access; what the journal shows is below.")} /></StackItem>}
            {errors.map(error => <StackItem key={error.message}><FaultAlert error={error} title={_("A part could not be read")} /></StackItem>)}
            <StackItem>
                <Card isCompact>
                    <Form className="filters" onSubmit={event => event.preventDefault()}>
                        <FormGroup label={_("Since")} fieldId="activity-from">
                            <TextInput id="activity-from" type="date" value={from} onChange={(_event, value) => setFrom(value)} />
                        </FormGroup>
                        <FormGroup label={_("Until")} fieldId="activity-to">
                            <TextInput id="activity-to" type="date" value={to} onChange={(_event, value) => setTo(value)} />
                        </FormGroup>
                        <FormGroup label={_("Severity")} fieldId="activity-severity">
                            <FormSelect id="activity-severity" value={severity} onChange={(_event, value) => setSeverity(value)}>
                                <FormSelectOption value="info" label={_("all")} />
                                <FormSelectOption value="warning" label={_("warnings and worse")} />
                                <FormSelectOption value="error" label={_("errors and worse")} />
                                <FormSelectOption value="critical" label={word("severity", "critical")} />
                            </FormSelect>
                        </FormGroup>
                        <FormGroup label={_("Source")} fieldId="activity-source">
                            <FormSelect id="activity-source" value={source} onChange={(_event, value) => setSource(value)}>
                                <FormSelectOption value="" label={_("all")} />
                                <FormSelectOption value="audit" label={_("audit log")} />
                                <FormSelectOption value="journal" label={_("journal")} />
                            </FormSelect>
                        </FormGroup>
                        <FormGroup label={_("User number or text")} fieldId="activity-text">
                            <TextInput id="activity-text" type="search" value={text} onChange={(_event, value) => setText(value)} />
                        </FormGroup>
                    </Form>
                    {shown.length === 0
                        ? <EmptyState headingLevel="h2" variant="sm" icon={loading ? Spinner : undefined} titleText={loading ? _("Loading") : _("Nothing happened that matches")} />
                        : <Table variant="compact" aria-label={_("Activity")} gridBreakPoint="grid-md">
                            <Thead>
                                <Tr>
                                    <Th screenReaderText={_("Details")} />
                                    <Th modifier="nowrap">{_("When")}</Th><Th modifier="nowrap">{_("Severity")}</Th><Th modifier="nowrap">{_("User")}</Th>
                                    <Th modifier="nowrap">{_("Source")}</Th><Th>{_("What")}</Th>
                                </Tr>
                            </Thead>
                            {shown.slice((current - 1) * PAGE, current * PAGE).map(row =>
                                <ActivityRow key={row.key} row={row} open={open === row.key} toggle={() => setOpen(open === row.key ? null : row.key)} />)}
                        </Table>}
                    <Pagination itemCount={shown.length} perPage={PAGE} perPageOptions={[]} page={current} variant="bottom" widgetId="activity-pages"
                                titles={{ paginationAriaLabel: _("Pages"), items: "", ofWord: _("of"), toNextPageAriaLabel: _("Next page"),
                                          toPreviousPageAriaLabel: _("Previous page"), toFirstPageAriaLabel: _("First page"),
                                          toLastPageAriaLabel: _("Last page"), currPageAriaLabel: _("Current page") }}
                                onSetPage={(_event, value) => setPage(value)} />
                    {more && <Button variant="link" isLoading={loading} onClick={older}>{_("Read older ones")}</Button>}
                </Card>
            </StackItem>
        </Stack>
    );
}
