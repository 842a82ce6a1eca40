/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useState } from "react";

import { Nav, NavItem, NavList, Page, PageSection } from "@patternfly/react-core";

import { Accounts } from "./accounts.jsx";
import { Activity } from "./activity.jsx";
import { Backups } from "./backups.jsx";
import { WithDialogs } from "./dialogs.jsx";
import { Notices } from "./notices.jsx";
import { Overview } from "./overview.jsx";
import { ServiceState } from "./service-state.jsx";
import { Settings } from "./settings.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;

const views = () => [
    ["", _("Overview"), Overview],
    ["backups", _("Backups"), Backups],
    ["activity", _("Activity"), Activity],
    ["settings", _("Settings"), Settings],
    ["accounts", _("Accounts"), Accounts],
];

function usePath() {
    const [path, setPath] = useState(cockpit.location.path);
    useEffect(() => {
        const follow = () => setPath(cockpit.location.path);
        cockpit.addEventListener("locationchanged", follow);
        return () => cockpit.removeEventListener("locationchanged", follow);
    }, []);
    return path;
}

export function App() {
    const path = usePath();
    const all = views();
    const [current, , View] = all.find(([name]) => name === (path[0] || "")) || all[0];

    function go(event, name) {
        event.preventDefault();
        cockpit.location.go(name ? [name] : []);
    }

    return (
        <WithDialogs>
            <Page isContentFilled className="no-masthead">
                <PageSection hasBodyWrapper={false} type="subnav">
                    <Nav variant="horizontal-subnav" aria-label={_("Views")}>
                        <NavList>
                            {all.map(([name, label]) =>
                                <NavItem key={name} to={"#/" + name} isActive={name === current}
                                         onClick={event => go(event, name)}>
                                    {label}
                                </NavItem>)}
                        </NavList>
                    </Nav>
                </PageSection>
                <PageSection hasBodyWrapper={false} isFilled>
                    <ServiceState view={current}><View options={path} /></ServiceState>
                </PageSection>
            </Page>
            <Notices />
        </WithDialogs>
    );
}
