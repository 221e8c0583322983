/** The arguments of a command line that has nothing with spaces in it: paths and addresses stand beside. */
export function words(line: string): string[] {
  return line.split(' ');
}
