/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one module that speaks D-Bus: to the service, to systemd about its units, to polkit about what the user may do.
 * Calls go to the unique name of whoever owns the service's name right now, so that a page that is open never starts a
 * service that was stopped. */

const cockpit = window.cockpit;

export const NAME = "org.oracxpred.Persistence1";
export const PATH = "/org/oracxpred/Persistence1";
const DBUS = "org.freedesktop.DBus";
const SYSTEMD = "org.freedesktop.systemd1";
const SYSTEMD_PATH = "/org/freedesktop/systemd1";
const POLKIT = "org.freedesktop.PolicyKit1";
const POLKIT_PATH = "/org/freedesktop/PolicyKit1/Authority";
const ERROR_PREFIX = NAME + ".Error.";
const NO_ONE_ASKED = [DBUS + ".Error.InteractiveAuthorizationRequired", DBUS + ".Error.AccessDenied"];

let client = null;
let owner = null;

export class BusError extends Error {
    constructor(name, message) {
        super(message);
        this.name = name || "";
        /* The service's own code, as Busy or NoSpace; empty for what the bus itself says. */
        this.code = this.name.startsWith(ERROR_PREFIX) ? this.name.slice(ERROR_PREFIX.length) : "";
        if (NO_ONE_ASKED.includes(this.name))
            this.code = "AccessDenied";
    }
}

function as_bus_error(error) {
    return new BusError(error.name || error.problem, error.message || error.problem || "");
}

function plain(value) {
    return value && typeof value === "object" && "v" in value && "t" in value ? plain(value.v) : value;
}

/* A dictionary of variants as a plain object. */
export function unwrap(dictionary) {
    return Object.fromEntries(Object.entries(dictionary).map(([key, value]) => [key, plain(value)]));
}

const option_types = {
    string: "s",
    boolean: "b",
};

/* Options of a method; a number needs its type told: [type, value]. */
function wrap(options) {
    return Object.fromEntries(Object.entries(options).map(([key, value]) => [
        key,
        Array.isArray(value) ? cockpit.variant(value[0], value[1]) : cockpit.variant(option_types[typeof value], value),
    ]));
}

async function call_to(name, path, iface, method, type, args) {
    if (!client)
        throw new BusError("disconnected", "");
    try {
        return await client.call(path, iface, method, args, { name, type, flags: "i" });
    } catch (error) {
        throw as_bus_error(error);
    }
}

/* Calls the service: iface is the last part of the interface's name. Objects among the arguments are options. */
export async function call(iface, method, type = "", args = [], path = PATH) {
    if (!owner)
        throw new BusError(ERROR_PREFIX + "NotRunning", cockpit.gettext("The service does not run."));
    const full = iface.includes(".") ? iface : NAME + "." + iface;
    const wrapped = args.map(arg => arg && typeof arg === "object" && !Array.isArray(arg) ? wrap(arg) : arg);
    return call_to(owner, path, full, method, type, wrapped);
}

export async function get_all(path, iface) {
    const [properties] = await call(DBUS + ".Properties", "GetAll", "s", [NAME + "." + iface], path);
    return unwrap(properties);
}

/* The paths below one, told by the object itself: the whole tree may have thousands of backups. */
export async function children(path) {
    try {
        const [xml] = await call(DBUS + ".Introspectable", "Introspect", "", [], path);
        const nodes = new DOMParser().parseFromString(xml, "text/xml").querySelectorAll("node > node");
        return [...nodes].map(node => path + "/" + node.getAttribute("name"));
    } catch (error) {
        if (error.name.endsWith(".UnknownObject") || error.name.endsWith(".UnknownMethod"))
            return [];
        throw error;
    }
}

/* Opens the connection. on.owner(name or null) tells who serves, on.signal(path, interface, member, arguments) what it
 * says, on.unit(path, properties) what changed of a unit, on.units() that files of units did, on.policy() that polkit's rules did, on.close() that the bus is gone. */
export async function connect(on) {
    client = cockpit.dbus(null, { bus: "system", superuser: "try" });
    const own = client;
    client.addEventListener("close", () => {
        if (client !== own)
            return;
        client = null;
        owner = null;
        on.close();
    });
    client.subscribe({ name: DBUS, path: "/org/freedesktop/DBus", interface: DBUS, member: "NameOwnerChanged", arg0: NAME },
                     (path, iface, member, [, , now]) => {
                         owner = now || null;
                         on.owner(owner);
                     });
    client.subscribe({ name: NAME, path_namespace: PATH },
                     (path, iface, member, args) => on.signal(path, iface, member, args));
    client.subscribe({ name: SYSTEMD, path_namespace: SYSTEMD_PATH + "/unit", interface: DBUS + ".Properties" },
                     (path, iface, member, [, changed]) => on.unit(path, unwrap(changed)));
    for (const member of ["UnitFilesChanged", "Reloading"])
        client.subscribe({ name: SYSTEMD, path: SYSTEMD_PATH, interface: SYSTEMD + ".Manager", member },
                         (path, iface, name, [begins]) => { if (!begins) on.units() });
    client.subscribe({ name: POLKIT, path: POLKIT_PATH, member: "Changed" }, () => on.policy());
    call_to(SYSTEMD, SYSTEMD_PATH, SYSTEMD + ".Manager", "Subscribe", "", []).catch(() => {});
    try {
        [owner] = await call_to(DBUS, "/org/freedesktop/DBus", DBUS, "GetNameOwner", "s", [NAME]);
    } catch (error) {
        if (!error.name.endsWith(".NameHasNoOwner"))
            throw error;
        owner = null;
    }
    on.owner(owner);
}

export function is_connected() {
    return client !== null;
}

/* systemd */

export function manager(method, type = "", args = []) {
    return call_to(SYSTEMD, SYSTEMD_PATH, SYSTEMD + ".Manager", method, type, args);
}

/* LoadState, ActiveState and what else is known of a unit; kind is Service or Timer. */
export async function unit(name, kind) {
    const [path] = await manager("LoadUnit", "s", [name]);
    const get = iface => call_to(SYSTEMD, path, DBUS + ".Properties", "GetAll", "s", [SYSTEMD + "." + iface]);
    const [[common], [own]] = await Promise.all([get("Unit"), get(kind)]);
    return { Path: path, ...unwrap(common), ...unwrap(own) };
}

/* polkit: which of these actions this connection may do without being asked. */
export async function permissions(actions) {
    await client.wait();
    const subject = ["system-bus-name", { name: cockpit.variant("s", client.unique_name) }];
    const answers = await Promise.all(actions.map(async action => {
        try {
            const [[allowed]] = await call_to(POLKIT, POLKIT_PATH, POLKIT + ".Authority", "CheckAuthorization",
                                              "(sa{sv})sa{ss}us", [subject, NAME + "." + action, {}, 0, ""]);
            return allowed;
        } catch {
            return cockpit.user ? (await cockpit.user()).id === 0 : false;
        }
    }));
    return Object.fromEntries(actions.map((action, index) => [action, answers[index]]));
}
