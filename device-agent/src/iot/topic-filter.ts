/** Whether an MQTT filter with `+` and `#` matches a topic ([MQTT-4.7]; AWS: `a/#` does not match `a`). */
export function filterMatches(filter: string, topic: string): boolean {
  const pattern = filter.split('/');
  const levels = topic.split('/');
  for (const [index, level] of pattern.entries()) {
    if (level === '#') return levels.length > index;
    if (levels[index] === undefined || (level !== '+' && level !== levels[index])) return false;
  }
  return levels.length === pattern.length;
}
