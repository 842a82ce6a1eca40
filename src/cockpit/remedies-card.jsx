export function RemediesCard() { return null }
