/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from "@patternfly/react-core";

/* Terms beside what they are, or above it where there is no room. */
export function Facts({ children, width = "9rem" }) {
    return (
        <DescriptionList isCompact orientation={{ default: "vertical", sm: "horizontal" }} horizontalTermWidthModifier={{ default: width }}>
            {children}
        </DescriptionList>
    );
}

export function Fact({ term, children }) {
    return (
        <DescriptionListGroup>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{children}</DescriptionListDescription>
        </DescriptionListGroup>
    );
}
