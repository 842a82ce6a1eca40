/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A timer of systemd, on or off, and its calendar. */

import { useState } from "react";

import { Card, CardBody, CardFooter, CardTitle, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Label, TextInput } from "@patternfly/react-core";

import { Fact, Facts } from "./facts.jsx";
import { BusError, manager, unit } from "./bus.js";
import { ActionDialog, useDialogs } from "./dialogs.jsx";
import { When } from "./format.jsx";
import { useService } from "./state.js";
import { SystemAction } from "./system-action.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

async function switch_timer(name, on) {
    if (on) {
        await manager("EnableUnitFiles", "asbb", [[name], false, true]);
        await manager("StartUnit", "ss", [name, "replace"]);
    } else {
        await manager("DisableUnitFiles", "asb", [[name], false]);
        await manager("StopUnit", "ss", [name, "replace"]);
    }
    await manager("Reload");
}

async function check_calendar(calendar) {
    try {
        await cockpit.spawn(["systemd-analyze", "calendar", "--", calendar], { err: "message" });
    } catch {
        throw new BusError("", cockpit.format(_("systemd does not understand “$0”. A right one is *-*-* 00/6:00:00 UTC, or daily."), calendar));
    }
}

/* A drop-in, as `systemctl edit` makes. */
async function change_calendar(name, calendar) {
    const directory = `/etc/systemd/system/${name}.d`;
    const file = cockpit.file(`${directory}/90-cockpit.conf`, { superuser: "require" });
    if (calendar)
        await check_calendar(calendar);
    try {
        await cockpit.spawn(["mkdir", "-p", directory], { superuser: "require", err: "message" });
        await file.replace(calendar ? `# Written by the page in Cockpit.\n[Timer]\nOnCalendar=\nOnCalendar=${calendar}\n` : null);
    } finally {
        file.close();
    }
    await manager("Reload");
    if ((await unit(name, "Timer")).ActiveState === "active")
        await manager("RestartUnit", "ss", [name, "replace"]);
}

function CalendarDialog({ name, title, calendar }) {
    const [text, setText] = useState(calendar);
    return (
        <ActionDialog title={title} label={_("Change")} disabled={/[\n\r]/.test(text)} act={() => change_calendar(name, text.trim())}>
            <Form onSubmit={event => event.preventDefault()}>
                <FormGroup label={_("Calendar")} fieldId="timer-calendar">
                    <TextInput id="timer-calendar" value={text} onChange={(_event, value) => setText(value)} aria-describedby="timer-help" />
                    <FormHelperText>
                        <HelperText id="timer-help">
                            <HelperTextItem>{_("As systemd.time(7) has it; in UTC, since a day of local time may lack the hour. Empty for the one that came with the package.")}</HelperTextItem>
                        </HelperText>
                    </FormHelperText>
                </FormGroup>
            </Form>
        </ActionDialog>
    );
}

export function TimerCard({ name, title }) {
    const show = useDialogs();
    const { timers } = useService();
    const timer = timers[name];
    const there = timer && timer.LoadState === "loaded";
    const on = there && timer.ActiveState === "active";
    const enabled = there && timer.UnitFileState === "enabled";
    const calendars = there ? timer.TimersCalendar.map(([, calendar]) => calendar) : [];
    return (
        <Card isCompact id={name.replace(".", "-")}>
            <CardTitle component="h2">
                {title}{" "}
                {there
                    ? <Label isCompact color={on && enabled ? "green" : "orange"}>{on ? (enabled ? _("on") : _("on until the next boot")) : _("off")}</Label>
                    : <Label isCompact color="red">{_("not installed")}</Label>}
            </CardTitle>
            {there &&
                <CardBody>
                    <Facts width="7rem">
                        <Fact term={_("Calendar")}><code>{calendars.join(", ") || "–"}</code></Fact>
                        <Fact term={_("Next")}><When usec={timer.NextElapseUSecRealtime} never={_("not by itself")} /></Fact>
                        <Fact term={_("Last")}><When usec={timer.LastTriggerUSec} /></Fact>
                    </Facts>
                </CardBody>}
            {there &&
                <CardFooter>
                    <SystemAction onClick={() => show(
                        <ActionDialog title={title} label={on && enabled ? _("Turn off") : _("Turn on")} danger={on && enabled}
                                      act={() => switch_timer(name, !(on && enabled))}>
                            {on && enabled ? _("It then happens only when somebody asks for it, also after the next boot.") : _("It then happens by itself, also after the next boot.")}
                        </ActionDialog>)}>
                        {on && enabled ? _("Turn off…") : _("Turn on…")}
                    </SystemAction>{" "}
                    <SystemAction onClick={() => show(<CalendarDialog name={name} title={title} calendar={calendars[0] || ""} />)}>{_("Change the calendar…")}</SystemAction>
                </CardFooter>}
        </Card>
    );
}
