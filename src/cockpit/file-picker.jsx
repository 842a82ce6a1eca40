/* SPDX-License-Identifier: LGPL-2.1-or-later */
import { useEffect, useRef } from "react";

import { FileUpload, FormGroup } from "@patternfly/react-core";

const _ = window.cockpit.gettext;

/* PatternFly leaves the input itself, which is there for the browser alone, without a name. */
export function FilePicker({ id, label, placeholder, file, change }) {
    const group = useRef(null);
    useEffect(() => { group.current.querySelector("input[type=file]").setAttribute("aria-label", label) }, [label]);
    return (
        <div ref={group}>
            <FormGroup label={label} fieldId={id + "-filename"}>
                <FileUpload id={id} hideDefaultPreview filename={file?.name || ""} browseButtonText={_("Browse…")}
                            clearButtonText={_("Clear")} filenamePlaceholder={placeholder} filenameAriaLabel={label}
                            onFileInputChange={(_event, chosen) => change(chosen)} onClearClick={() => change(null)} />
            </FormGroup>
        </div>
    );
}
