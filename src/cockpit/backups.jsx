/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useMemo, useState } from "react";

import { Button, Card, CardBody, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Pagination, Spinner, Stack, StackItem, Title } from "@patternfly/react-core";
import { SearchIcon } from "@patternfly/react-icons";
import { InnerScrollContainer, Table, Tbody, Th, Thead, Tr } from "@patternfly/react-table";

import { BackupButton } from "./backup-dialog.jsx";
import { BackupRow } from "./backup-row.jsx";
import { BackupsToolbar, nothing_filtered, passes } from "./backups-toolbar.jsx";
import { FaultAlert } from "./dialogs.jsx";
import { number } from "./format.jsx";
import { JobsCard } from "./jobs-card.jsx";
import { QuarantineCard } from "./quarantine-card.jsx";
import { useService } from "./state.js";

const _ = window.cockpit.gettext;
const PAGE = 20;

/* What a column is sorted by; those that go by number come with the newest or largest first. */
const columns = () => [
    { title: _("Name"), key: backup => backup.Name, width: 25 },
    { title: _("Kind"), key: backup => backup.Kind },
    { title: _("Age"), key: backup => backup.CreatedUSec, descending: true },
    { title: _("Database"), key: backup => backup.DatabaseBytes, descending: true, numbers: true },
    { title: _("Stored"), key: backup => backup.StoredBytes, descending: true, numbers: true },
    { title: _("State"), key: backup => backup.Problem || backup.VerificationFault ? 0 : backup.VerifiedUSec },
    { title: _("Encryption"), key: backup => backup.Encrypted ? 1 : 0 },
];

function sorted(backups, { index, direction }) {
    const { key } = columns()[index];
    const sign = direction === "asc" ? 1 : -1;
    return backups
            .map(backup => [key(backup), backup])
            .sort(([a, one], [b, other]) => a < b ? -sign : a > b ? sign : other.CreatedUSec - one.CreatedUSec)
            .map(([, backup]) => backup);
}

function NoBackups() {
    return (
        <EmptyState headingLevel="h2" titleText={_("There is no backup yet")}>
            <EmptyStateBody>{_("Take the first one now. From then on the timer sees to it.")}</EmptyStateBody>
            <EmptyStateFooter><EmptyStateActions><BackupButton variant="primary" /></EmptyStateActions></EmptyStateFooter>
        </EmptyState>
    );
}

function NoMatch({ clear }) {
    return (
        <EmptyState headingLevel="h2" icon={SearchIcon} titleText={_("No backup matches")} variant="sm">
            <EmptyStateFooter>
                <EmptyStateActions><Button variant="link" onClick={clear}>{_("Clear the filters")}</Button></EmptyStateActions>
            </EmptyStateFooter>
        </EmptyState>
    );
}

export function Backups() {
    const { backups, listed, list_fault, manager } = useService();
    const [filter, setFilter] = useState(nothing_filtered);
    const [sort, setSort] = useState({ index: 2, direction: "desc" });
    const [page, setPage] = useState(1);
    const [perPage, setPerPage] = useState(PAGE);
    const [open, setOpen] = useState(null);
    const all = useMemo(() => [...backups.values()], [backups]);
    const rows = useMemo(() => sorted(all.filter(backup => passes(backup, filter)), sort), [all, filter, sort]);
    const pages = Math.max(1, Math.ceil(rows.length / perPage));
    const shown = Math.min(page, pages);

    const range = `${rows.length === 0 ? 0 : (shown - 1) * perPage + 1} - ${Math.min(shown * perPage, rows.length)} ${_("of")} ${rows.length}`;
    const pagination = variant => (
        <Pagination itemCount={rows.length} page={shown} perPage={perPage} variant={variant} isCompact={variant === "top"}
                    widgetId={"backups-" + variant}
                    titles={{ paginationAriaLabel: variant === "top" ? _("Pages above the table") : _("Pages below the table"),
                              items: "", perPageSuffix: _("per page"), ofWord: _("of"),
                              toNextPageAriaLabel: _("Next page"), toPreviousPageAriaLabel: _("Previous page"),
                              toFirstPageAriaLabel: _("First page"), toLastPageAriaLabel: _("Last page"),
                              currPageAriaLabel: _("Current page"), optionsToggleAriaLabel: range + ": " + _("Rows per page") }}
                    onSetPage={(_event, value) => setPage(value)}
                    onPerPageSelect={(_event, value) => { setPerPage(value); setPage(1) }} />
    );
    const change_filter = value => { setFilter(value); setPage(1) };
    const sort_of = index => ({
        sortBy: sort,
        columnIndex: index,
        onSort: (_event, column, direction) => setSort({
            index: column,
            direction: column !== sort.index && columns()[column].descending ? "desc" : direction
        }),
    });

    return (
        <Stack hasGutter>
            <StackItem><Title headingLevel="h1">{_("Backups")}</Title></StackItem>
            <JobsCard />
            {list_fault && <StackItem><FaultAlert error={list_fault} title={_("The backups can't be listed")} /></StackItem>}
            <StackItem>
                {all.length === 0
                    ? (listed ? !list_fault && <NoBackups /> : <EmptyState headingLevel="h2" titleText={_("Loading")} icon={Spinner} />)
                    : <Card isCompact><CardBody>
                        <BackupsToolbar filter={filter} setFilter={change_filter} pagination={pagination("top")} />
                        {rows.length === 0
                            ? <NoMatch clear={() => change_filter(nothing_filtered)} />
                            : <InnerScrollContainer><Table variant="compact" aria-label={_("Backups")} gridBreakPoint="grid-lg" className="dense">
                                <Thead>
                                    <Tr>
                                        <Th screenReaderText={_("Details")} />
                                        {columns().map(({ title, numbers, width }, index) =>
                                            <Th key={title} className={numbers ? "numbers" : undefined} sort={sort_of(index)} width={width}
                                                modifier="fitContent">
                                                {title}
                                            </Th>)}
                                        <Th screenReaderText={_("Actions")} />
                                    </Tr>
                                </Thead>
                                {rows.slice((shown - 1) * perPage, shown * perPage).map(backup =>
                                    <Tbody key={backup.path} isExpanded={open === backup.path}>
                                        <BackupRow backup={backup} restored={manager.LastRestore === backup.Name}
                                                   open={open === backup.path}
                                                   toggle={() => setOpen(open === backup.path ? null : backup.path)} />
                                    </Tbody>)}
                            </Table></InnerScrollContainer>}
                        {pagination("bottom")}
                        <span className="pf-v6-screen-reader" role="status">
                            {window.cockpit.format(window.cockpit.ngettext("$0 backup", "$0 backups", rows.length), number(rows.length))}
                        </span>
                    </CardBody></Card>}
            </StackItem>
            <StackItem><QuarantineCard /></StackItem>
        </Stack>
    );
}
