export function UndoCard() { return null }
