export function RestoreDialog() { return null }
