export function CleanupDialog() { return null }
