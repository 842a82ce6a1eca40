/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { createRoot } from "react-dom/client";

import "@patternfly/patternfly/patternfly-base.css";

import { App } from "./app.jsx";
import { follow_style } from "./style.js";
import { start, watch_permission } from "./state.js";

import "./page.css";

follow_style();
document.documentElement.lang = window.cockpit.language.replace("_", "-");
watch_permission();
start();
createRoot(document.getElementById("app")).render(<App />);
