/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new password, twice, with how strong it is. */

import { FormGroup, FormHelperText, HelperText, HelperTextItem, Progress, TextInput } from "@patternfly/react-core";

import { number } from "./format.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const BYTES_MAX = 72; /* what bcrypt reads */
const GOOD_BITS = 60;
const WEAK_BITS = 36;

export const no_password = { one: "", two: "" };

const bytes_of = text => new TextEncoder().encode(text).length;

export function is_password_right({ one, two }) {
    return one !== "" && one === two && bytes_of(one) <= BYTES_MAX;
}

/* Letters that differ, times what each of their kinds offers: a bound from above for what was chosen at random. */
function bits(text) {
    const kinds = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[^a-zA-Z0-9]/, 32]];
    const choices = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0);
    return new Set(text).size * Math.log2(Math.max(choices, 1));
}

function strength(value) {
    if (value < WEAK_BITS)
        return [_("weak"), "danger"];
    return value < GOOD_BITS ? [_("fair"), "warning"] : [_("strong"), "success"];
}

export function PasswordFields({ password, change }) {
    const { one, two } = password;
    const used = bytes_of(one);
    const value = bits(one);
    const [text, variant] = strength(value);
    const differs = two !== "" && one !== two;
    return (
        <>
            <FormGroup label={_("Password")} fieldId="password-one" isRequired>
                <TextInput id="password-one" type="password" autoComplete="new-password" isRequired value={one} aria-describedby="password-help"
                           validated={used > BYTES_MAX ? "error" : "default"}
                           onChange={(_event, changed) => change({ one: changed, two })} />
                {one !== "" &&
                    <Progress aria-label={_("Strength")} size="sm" variant={variant} value={Math.min(100, 100 * value / (GOOD_BITS * 1.2))}
                              label={text} valueText={text} />}
                <FormHelperText>
                    <HelperText id="password-help" isLiveRegion>
                        <HelperTextItem variant={used > BYTES_MAX ? "error" : "default"}>
                            {cockpit.format(_("$0 of at most $1 bytes"), number(used), BYTES_MAX)}
                        </HelperTextItem>
                    </HelperText>
                </FormHelperText>
            </FormGroup>
            <FormGroup label={_("Once more")} fieldId="password-two" isRequired>
                <TextInput id="password-two" type="password" autoComplete="new-password" isRequired value={two} aria-describedby="password-same"
                           validated={differs ? "error" : "default"}
                           onChange={(_event, changed) => change({ one, two: changed })} />
                <FormHelperText>
                    <HelperText id="password-same" isLiveRegion>
                        {differs && <HelperTextItem variant="error">{_("They differ.")}</HelperTextItem>}
                    </HelperText>
                </FormHelperText>
            </FormGroup>
        </>
    );
}
